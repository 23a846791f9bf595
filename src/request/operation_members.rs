//! The members that each operation has: in its body, its path, its query and its headers.
//!
//! A new operation, or a new member of one, is added here. The compiler demands an entry in [`OperationMembers::of`]
//! for each operation.

use crate::protocol::operation::Operation;

/// The members of one operation.
pub struct OperationMembers {
    pub body: &'static [BodyMember],
    pub bindings: &'static [HttpBinding],
    /// Members that only this operation has. A request with one of them is not for Converse.
    distinctive: &'static [&'static str],
}

/// A member that is sent in the body.
pub struct BodyMember {
    pub name: &'static str,
    pub references: References,
    /// Whether a request without the member gets it from the model's defaults. Converse's members all are inherited.
    pub inherited: bool,
}

/// The values in a member at which `"@name"` refers to an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum References {
    Nowhere,
    /// Values that are base64 in Converse.
    InBase64,
    /// All strings: the member is a request in the model's own form.
    Anywhere,
}

/// A member that is sent outside of the body.
pub struct HttpBinding {
    pub name: &'static str,
    /// The name of the header, or "" if the member is sent in the path or the query.
    pub header: &'static str,
    /// The member of Converse with the same meaning: the name of an object, and of a member in it.
    pub converse: Option<(&'static str, &'static str)>,
    pub kind: BoundKind,
}

/// The type of a bound member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundKind {
    Text,
    /// Seconds since 1970, or text in ISO 8601.
    Timestamp,
    /// An object that is sent as JSON, or its text.
    Object,
}

const fn body(name: &'static str) -> BodyMember {
    BodyMember { name, references: References::InBase64, inherited: false }
}

impl BodyMember {
    const fn inherited(mut self) -> BodyMember {
        self.inherited = true;
        self
    }

    const fn references(mut self, references: References) -> BodyMember {
        self.references = references;
        self
    }
}

const fn url(name: &'static str) -> HttpBinding {
    HttpBinding { name, header: "", converse: None, kind: BoundKind::Text }
}

const fn header(name: &'static str, header: &'static str) -> HttpBinding {
    HttpBinding { name, header, converse: None, kind: BoundKind::Text }
}

impl HttpBinding {
    const fn in_converse(mut self, member: &'static str, key: &'static str) -> HttpBinding {
        self.converse = Some((member, key));
        self
    }

    const fn of_kind(mut self, kind: BoundKind) -> HttpBinding {
        self.kind = kind;
        self
    }
}

pub const GUARDRAIL_CONFIG: &str = "guardrailConfig";
/// The guardrail of ApplyGuardrail, in its path.
pub const GUARDRAIL_IN_PATH: Guardrail = Guardrail {
    identifier: url("guardrailIdentifier").in_converse(GUARDRAIL_CONFIG, "guardrailIdentifier"),
    version: url("guardrailVersion").in_converse(GUARDRAIL_CONFIG, "guardrailVersion"),
};
/// The guardrail of InvokeModel, in its headers.
pub const GUARDRAIL_IN_HEADERS: Guardrail = Guardrail {
    identifier: header("guardrailIdentifier", "x-amzn-bedrock-guardrailidentifier")
        .in_converse(GUARDRAIL_CONFIG, "guardrailIdentifier"),
    version: header("guardrailVersion", "x-amzn-bedrock-guardrailversion")
        .in_converse(GUARDRAIL_CONFIG, "guardrailVersion"),
};
pub const CONTENT_TYPE: HttpBinding = header("contentType", "content-type");
pub const ACCEPT: HttpBinding = header("accept", "accept");
/// The header of `accept` in an operation that streams: there it is the content type of the chunks.
pub const ACCEPT_OF_CHUNKS: &str = "x-amzn-bedrock-accept";
pub const TRACE: HttpBinding = header("trace", "x-amzn-bedrock-trace").in_converse(GUARDRAIL_CONFIG, "trace");
pub const INVOCATION_ARN: HttpBinding = url("invocationArn");

/// The members that name a guardrail.
pub struct Guardrail {
    pub identifier: HttpBinding,
    pub version: HttpBinding,
}

const CONVERSE: OperationMembers = OperationMembers { body: CONVERSE_BODY, bindings: &[], distinctive: &[] };
const CONVERSE_BODY: &[BodyMember] = &[
    body("additionalModelRequestFields").references(References::Nowhere),
    body("additionalModelResponseFieldPaths"),
    body(GUARDRAIL_CONFIG),
    body("inferenceConfig"),
    body("messages"),
    body("outputConfig"),
    body("performanceConfig"),
    body("promptVariables"),
    body("requestMetadata").references(References::Nowhere),
    body("serviceTier"),
    body("system"),
    body("toolConfig"),
];
const INVOKE_MODEL: OperationMembers = OperationMembers {
    body: &[body("body").references(References::Anywhere)],
    bindings: &[
        ACCEPT,
        CONTENT_TYPE,
        GUARDRAIL_IN_HEADERS.identifier,
        GUARDRAIL_IN_HEADERS.version,
        TRACE,
        header("performanceConfigLatency", "x-amzn-bedrock-performanceconfig-latency")
            .in_converse("performanceConfig", "latency"),
        header("serviceTier", "x-amzn-bedrock-service-tier").in_converse("serviceTier", "type"),
        header("requestMetadata", "x-amzn-bedrock-request-metadata").of_kind(BoundKind::Object),
        header("projectIdentifier", "x-amzn-bedrock-projectidentifier"),
    ],
    distinctive: &["body"],
};

/// CountTokens counts a conversation, the body of an InvokeModel, or its own `input`.
const COUNT_TOKENS: OperationMembers =
    OperationMembers { body: &[body("input")], bindings: &[], distinctive: &["input"] };
const APPLY_GUARDRAIL: OperationMembers = OperationMembers {
    body: &[body("source").inherited(), body("content").inherited(), body("outputScope").inherited()],
    bindings: &[GUARDRAIL_IN_PATH.identifier, GUARDRAIL_IN_PATH.version],
    distinctive: &["content"],
};
const INVOKE_GUARDRAIL_CHECKS: OperationMembers =
    OperationMembers { body: &[body("checks").inherited(), body("messages")], bindings: &[], distinctive: &["checks"] };
const START_ASYNC_INVOKE: OperationMembers = OperationMembers {
    body: &[
        body("clientRequestToken"),
        body("modelId"),
        body("modelInput").inherited().references(References::Anywhere),
        body("outputDataConfig").inherited(),
        body("tags").inherited(),
    ],
    bindings: &[],
    distinctive: &["modelInput"],
};
const GET_ASYNC_INVOKE: OperationMembers =
    OperationMembers { body: &[], bindings: &[INVOCATION_ARN], distinctive: &["invocationArn"] };
const LIST_ASYNC_INVOKES: OperationMembers = OperationMembers {
    body: &[],
    bindings: &[
        url("submitTimeAfter").of_kind(BoundKind::Timestamp),
        url("submitTimeBefore").of_kind(BoundKind::Timestamp),
        url("statusEquals"),
        url("maxResults"),
        url("nextToken"),
        url("sortBy"),
        url("sortOrder"),
    ],
    distinctive: &[],
};

impl OperationMembers {
    /// Returns the members of an operation.
    pub fn of(operation: Operation) -> &'static OperationMembers {
        match operation {
            Operation::Converse | Operation::ConverseStream => &CONVERSE,
            Operation::CountTokens => &COUNT_TOKENS,
            Operation::InvokeModel | Operation::InvokeModelWithResponseStream => &INVOKE_MODEL,
            Operation::ApplyGuardrail => &APPLY_GUARDRAIL,
            Operation::InvokeGuardrailChecks => &INVOKE_GUARDRAIL_CHECKS,
            Operation::StartAsyncInvoke => &START_ASYNC_INVOKE,
            Operation::GetAsyncInvoke => &GET_ASYNC_INVOKE,
            Operation::ListAsyncInvokes => &LIST_ASYNC_INVOKES,
        }
    }

    fn all() -> impl Iterator<Item = &'static OperationMembers> {
        Operation::ALL.into_iter().map(OperationMembers::of)
    }
}

/// Returns the names of all operations' members. A name that several operations have is returned several times.
pub fn names() -> impl Iterator<Item = &'static str> {
    OperationMembers::all().flat_map(|members| {
        let bindings = members.bindings.iter().map(|binding| binding.name);
        members.body.iter().map(|member| member.name).chain(bindings)
    })
}

/// Returns whether a request with this member is for another operation than Converse.
pub fn is_for_another_operation(member: &str) -> bool {
    OperationMembers::all().any(|members| members.distinctive.contains(&member))
}

/// Returns the values in a member of the request at which `"@name"` refers to an attachment.
pub fn references_in_member(member: &str) -> References {
    let mut all = OperationMembers::all().flat_map(|members| members.body);
    all.find(|known| known.name == member)
        .map_or_else(|| references_in_unknown_member(member), |known| known.references)
}

/// Does the same for a member of the other dialect, or one that the service learns later.
fn references_in_unknown_member(member: &str) -> References {
    if is_free_form(member) { References::Nowhere } else { References::InBase64 }
}

/// Returns whether the value of a member within Converse's JSON is free-form JSON of the program, the model or a tool.
/// A member "bytes" in it is not base64.
pub fn is_free_form(member: &str) -> bool {
    matches!(member, "input" | "json" | "additionalModelRequestFields" | "requestMetadata")
}

/// Returns whether the value of a member within Converse's JSON is base64. "body" is that of a request in the model's
/// own form, within the `input` of CountTokens.
pub fn is_base64(member: &str) -> bool {
    matches!(member, "bytes" | "body")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_of_another_operation_is_known_by_its_name() {
        for name in ["body", "checks", "content", "input", "invocationArn", "modelInput"] {
            assert!(is_for_another_operation(name), "{name}");
        }
        for name in ["messages", "system", "guardrailIdentifier", "tags", "source", "modelId", "new"] {
            assert!(!is_for_another_operation(name), "{name}");
        }
    }

    #[test]
    fn references_are_sought_where_a_member_can_have_base64() {
        for (name, references) in [
            ("body", References::Anywhere),
            ("modelInput", References::Anywhere),
            ("input", References::InBase64),
            ("messages", References::InBase64),
            ("content", References::InBase64),
            ("new", References::InBase64),
            ("json", References::Nowhere),
            ("additionalModelRequestFields", References::Nowhere),
            ("requestMetadata", References::Nowhere),
        ] {
            assert_eq!(references_in_member(name), references, "{name}");
        }
    }
}
