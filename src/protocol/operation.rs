//! The operations of the service, by their names in the AWS API.

/// The form of an operation's response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseForm {
    /// JSON of the service: an object, or events.
    #[default]
    Service,
    /// The model's own form: JSON or other bytes, or a stream of chunks that hold such.
    Model,
}

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
    /// All operations, in the order of their names.
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

    /// Returns the operation with this name.
    pub fn named(name: &str) -> Option<Self> {
        Operation::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// Returns the operation's name.
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

    /// Returns whether the response is an event stream.
    pub fn streams(self) -> bool {
        matches!(self, Operation::ConverseStream | Operation::InvokeModelWithResponseStream)
    }

    /// Returns whether it is an inference of a model, which counts against the quotas of the model.
    pub fn invokes_model(self) -> bool {
        use Operation::{Converse, ConverseStream, InvokeModel, InvokeModelWithResponseStream};
        matches!(self, Converse | ConverseStream | InvokeModel | InvokeModelWithResponseStream)
    }

    /// Returns the form of the response.
    pub fn response_form(self) -> ResponseForm {
        match self {
            Operation::InvokeModel | Operation::InvokeModelWithResponseStream => ResponseForm::Model,
            _ => ResponseForm::Service,
        }
    }
}
