//! The meaning of stop reasons. An unknown one is a word of a newer service, and means nothing here.

/// Stop reasons of a response that was cut off, and what happened.
const CUT_OFF: [(&str, &str); 2] = [
    ("max_tokens", "the model was cut off at maxTokens; give it more"),
    (
        "model_context_window_exceeded",
        "the model was cut off, because its context window is full; shorten the conversation",
    ),
];
/// Stop reasons of a response whose content is not what the model was asked for, and what happened.
const UNUSABLE: [(&str, &str); 5] = [
    ("guardrail_intervened", "a guardrail intervened"),
    ("content_filtered", "the service filtered the content"),
    ("refusal", "the model refused to answer"),
    ("malformed_model_output", "the output of the model was malformed"),
    (MALFORMED_CALL, "the tool call of the model was malformed"),
];
const MALFORMED_CALL: &str = "malformed_tool_use";

/// Returns what happened, if the response was cut off.
pub fn cut_off(stop_reason: &str) -> Option<&'static str> {
    meaning(&CUT_OFF, stop_reason)
}

/// Returns what happened, if the content is not what the model was asked for.
pub fn unusable(stop_reason: &str) -> Option<&'static str> {
    meaning(&UNUSABLE, stop_reason)
}

/// Returns whether the input of the last tool call may not be complete.
pub fn breaks_call(stop_reason: &str) -> bool {
    stop_reason == MALFORMED_CALL || cut_off(stop_reason).is_some()
}

/// Returns the name that chat-completions APIs have for a stop reason, or the stop reason itself.
pub fn finish_reason(stop_reason: &str) -> &str {
    match stop_reason {
        "end_turn" => "stop",
        "tool_use" => "tool_calls",
        "max_tokens" => "length",
        "content_filtered" => "content_filter",
        other => other,
    }
}

fn meaning(list: &[(&str, &'static str)], stop_reason: &str) -> Option<&'static str> {
    list.iter().find(|(reason, _)| *reason == stop_reason).map(|(_, what)| *what)
}
