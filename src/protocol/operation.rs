//! What can be asked of the service, by its name in the AWS API.

/// An operation of the Bedrock runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    ApplyGuardrail,
    Converse,
    ConverseStream,
    CountTokens,
    GetAsyncInvoke,
    InvokeGuardrailChecks,
    InvokeModel,
    InvokeModelWithResponseStream,
    ListAsyncInvokes,
    StartAsyncInvoke,
}

impl Operation {
    /// All of them, in the order of their names.
    pub const ALL: [Operation; 10] = [
        Operation::ApplyGuardrail,
        Operation::Converse,
        Operation::ConverseStream,
        Operation::CountTokens,
        Operation::GetAsyncInvoke,
        Operation::InvokeGuardrailChecks,
        Operation::InvokeModel,
        Operation::InvokeModelWithResponseStream,
        Operation::ListAsyncInvokes,
        Operation::StartAsyncInvoke,
    ];

    pub fn named(name: &str) -> Option<Self> {
        Operation::ALL.into_iter().find(|operation| operation.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Operation::ApplyGuardrail => "ApplyGuardrail",
            Operation::Converse => "Converse",
            Operation::ConverseStream => "ConverseStream",
            Operation::CountTokens => "CountTokens",
            Operation::GetAsyncInvoke => "GetAsyncInvoke",
            Operation::InvokeGuardrailChecks => "InvokeGuardrailChecks",
            Operation::InvokeModel => "InvokeModel",
            Operation::InvokeModelWithResponseStream => "InvokeModelWithResponseStream",
            Operation::ListAsyncInvokes => "ListAsyncInvokes",
            Operation::StartAsyncInvoke => "StartAsyncInvoke",
        }
    }

    /// Whether the answer is an event stream, and not one JSON text.
    pub fn streams(self) -> bool {
        matches!(self, Operation::ConverseStream | Operation::InvokeModelWithResponseStream)
    }

    /// Whether the answer is the model's own, in whatever form that model has, and not the service's.
    pub fn answers_raw(self) -> bool {
        matches!(self, Operation::InvokeModel | Operation::InvokeModelWithResponseStream)
    }
}
