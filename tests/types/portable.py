"""The expected result of each member of chat completions, as the types of other libraries declare them.

The keys are patterns of a member's path, where a message's role or a part's type follows the member that contains it. * is any
one name. The first pattern that matches is used. The values are results, or results by the member's value as JSON, where "*" is
any other value:

    SENT        the body has an equivalent of the member
    IGNORED     the body is the same without the member
    text        an error at this member, whose message contains this text, which names an alternative
"""

SENT, IGNORED = "sent", "ignored"

FIELDS = "additionalModelRequestFields"
CACHE = "cachePoint"

OPENAI = {
    "model": SENT,  # in the path, not in the body
    "messages": SENT,
    "messages/*/role": SENT,
    "messages/function": "use tool",
    "messages/*": SENT,
    "messages/assistant/content": {"null": SENT, "*": SENT},  # null is an empty content; a missing content is an error
    "messages/*/content": SENT,
    "messages/*/content/*/type": SENT,
    "messages/*/content/*/prompt_cache_breakpoint": SENT,
    "messages/*/content/*/prompt_cache_breakpoint/mode": SENT,
    "messages/*/content/*/prompt_cache_breakpoint/ttl": "use cache_control",
    "messages/*/content/text/text": SENT,
    "messages/*/content/refusal/refusal": SENT,
    "messages/*/content/image_url/image_url": SENT,
    "messages/*/content/image_url/image_url/url": SENT,
    "messages/*/content/image_url/image_url/detail": IGNORED,
    "messages/*/content/input_audio/input_audio": SENT,
    "messages/*/content/input_audio/input_audio/data": SENT,
    "messages/*/content/input_audio/input_audio/format": SENT,
    "messages/*/content/file/file": SENT,
    "messages/*/content/file/file/file_data": SENT,
    "messages/*/content/file/file/file_id": "give file_data",
    "messages/*/content/file/file/filename": SENT,
    "messages/*/name": IGNORED,
    "messages/tool/tool_call_id": SENT,
    "messages/assistant/audio": "transcript",
    "messages/assistant/function_call": "use tool_calls",
    "messages/assistant/refusal": SENT,
    "messages/assistant/tool_calls": SENT,
    "messages/assistant/tool_calls/custom": "describe it as a function",
    "messages/assistant/tool_calls/function/id": SENT,
    "messages/assistant/tool_calls/function/type": SENT,
    "messages/assistant/tool_calls/function/function": SENT,
    "messages/assistant/tool_calls/function/function/arguments": SENT,
    "messages/assistant/tool_calls/function/function/name": SENT,
    "audio": FIELDS,
    "frequency_penalty": FIELDS,
    "function_call": {'"auto"': IGNORED, "*": "use tool_choice"},
    "functions": "use tools",
    "logit_bias": FIELDS,
    "logprobs": {"false": IGNORED, "*": FIELDS},
    "max_completion_tokens": SENT,
    "max_tokens": SENT,
    "metadata": SENT,
    "modalities": {'["text"]': IGNORED, "*": FIELDS},
    "moderation": {"{}": IGNORED, "*": "guardrailConfig"},
    "n": "a call for each",
    "parallel_tool_calls": {"true": IGNORED, "*": FIELDS},
    "prediction": FIELDS,
    "presence_penalty": FIELDS,
    "prompt_cache_key": CACHE,
    "prompt_cache_options": {"{}": IGNORED, "*": CACHE},
    "prompt_cache_options/mode": CACHE,
    "prompt_cache_options/ttl": CACHE,
    "prompt_cache_retention": CACHE,
    "reasoning_effort": "outputConfig.effort",
    "response_format": SENT,
    "response_format/text": IGNORED,
    "response_format/text/type": SENT,
    "response_format/json_object": "it has text and json_schema",
    "response_format/json_schema/type": SENT,
    "response_format/json_schema/json_schema": SENT,
    "response_format/json_schema/json_schema/name": SENT,
    "response_format/json_schema/json_schema/description": SENT,
    "response_format/json_schema/json_schema/schema": SENT,
    "response_format/json_schema/json_schema/strict": IGNORED,
    "safety_identifier": "requestMetadata",
    "seed": FIELDS,
    "service_tier": {'"auto"': IGNORED, '"scale"': "default, flex, priority", '"fast"': "default, flex, priority",
                     "*": SENT},
    "stop": SENT,
    "store": {"false": IGNORED, "*": "leave it out"},
    "stream": IGNORED,
    "stream_options": IGNORED,
    "stream_options/include_obfuscation": IGNORED,
    "stream_options/include_usage": IGNORED,
    "temperature": SENT,
    "tool_choice": SENT,
    "tool_choice/allowed_tools": "give only the tools",
    "tool_choice/custom": "describe it as a function",
    "tool_choice/function/type": SENT,
    "tool_choice/function/function": SENT,
    "tool_choice/function/function/name": SENT,
    "tools": SENT,
    "tools/custom": "describe it as a function",
    "tools/function/type": SENT,
    "tools/function/function": SENT,
    "tools/function/function/name": SENT,
    "tools/function/function/description": SENT,
    "tools/function/function/parameters": SENT,
    "tools/function/function/strict": {"false": IGNORED, "*": SENT},
    "top_logprobs": FIELDS,
    "top_p": SENT,
    "user": "requestMetadata",
    "verbosity": {'"medium"': IGNORED, "*": FIELDS},
    "web_search_options": "searches",
}

MARK = {"type": "ephemeral", "ttl": "1h"}
DATA = "data:image/png;base64,iVBORw0KGgo="
TEXT = {"type": "text", "text": "Hello"}


def message(**members):
    return {"messages": [{"role": "user", "content": "Hello", **members}]}


def assistant(**members):
    return message(role="assistant", **members)


def part(**members):
    return message(content=[members])


def image(**members):
    return part(type="image_url", image_url={"url": DATA, **members})


def video(**members):
    return part(type="video_url", video_url={"url": "s3://b/a.mp4", **members})


def file(**members):
    return part(type="file", file={"file_data": "QQ==", "filename": "a.txt", **members})


def document(**members):
    source = {"type": "text", "media_type": "text/plain", "data": "x"}
    return part(type="document", source=source, **members)


def tool(**members):
    return {**message(), "tools": [{"type": "function", "function": {"name": "f"}, **members}]}


def function(**members):
    return tool(function={"name": "f", **members})


def calling(**members):
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return assistant(tool_calls=[{**call, **members}])


def tool_message(**members):
    return {"messages": [{"role": "tool", "tool_call_id": "c", "content": "x", **members}]}


def thinking_block(**members):
    return assistant(thinking_blocks=[{"type": "thinking", "thinking": "hm", **members}])


def request(**members):
    return {**message(), **members}


def audio(**members):
    return part(type="input_audio", input_audio={"data": "QQ==", "format": "wav"}, **members)


# The classes of LiteLLM: a function that makes a request with members of the class, and for each member a value and its result.
LITELLM = {
    "ChatCompletionCachedContent": (lambda **m: message(cache_control={"type": "ephemeral", **m}),
                                    {"type": ("ephemeral", SENT), "ttl": ("5m", SENT)}),
    "ChatCompletionPromptCacheBreakpoint": (lambda **m: part(**TEXT, prompt_cache_breakpoint=m),
                                            {"mode": ("explicit", SENT)}),
    "ChatCompletionThinkingBlock": (thinking_block, {
        "type": ("thinking", SENT), "thinking": ("hm", SENT), "signature": ("c2ln", SENT),
        "cache_control": (MARK, "has no member"), "index": (0, IGNORED)}),
    "ChatCompletionRedactedThinkingBlock": (
        lambda **m: assistant(thinking_blocks=[{"type": "redacted_thinking", "data": "QQ==", **m}]), {
            "type": ("redacted_thinking", SENT), "data": ("QUJD", SENT),
            "cache_control": (MARK, "has no member"), "index": (0, IGNORED)}),
    "ChatCompletionTextObject": (lambda **m: part(**TEXT, **m), {"cache_control": (MARK, SENT)}),
    "ChatCompletionImageUrlObject": (image, {
        "url": (DATA, SENT), "detail": ("high", IGNORED), "format": ("image/png", IGNORED),
        "video_metadata": ({"fps": 1}, "has no member")}),
    "ChatCompletionImageObject": (part, {"type": None, "image_url": None}),
    "ChatCompletionVideoUrlObject": (video, {"url": ("s3://b/b.mp4", SENT), "detail": ("low", IGNORED)}),
    "ChatCompletionVideoObject": (part, {"type": None, "video_url": None}),
    "ChatCompletionInputAudio": (lambda **m: part(type="input_audio", input_audio={"data": "QQ==", "format": "wav", **m}),
                                 {"data": ("QUJD", SENT), "format": ("mp3", SENT)}),
    "ChatCompletionAudioObject": (audio, {"type": None, "input_audio": None, "cache_control": (MARK, SENT)}),
    "ChatCompletionDocumentObject": (document, {
        "type": None, "source": None, "title": ("t", SENT), "context": ("c", SENT),
        "citations": ({"enabled": True}, SENT)}),
    "ChatCompletionFileObjectFile": (file, {
        "file_data": ("QUJD", SENT), "file_id": ("f", "give file_data"), "filename": ("b.txt", SENT),
        "format": ("text/csv", SENT), "detail": ("low", "has no member"), "video_metadata": ({"a": 1}, "has no member")}),
    "ChatCompletionFileObject": (part, {"type": None, "file": None}),
    "ChatCompletionUserMessage": (message, {"cache_control": (MARK, SENT)}),
    "ChatCompletionAssistantMessage": (assistant, {
        "cache_control": (MARK, SENT),
        "thinking_blocks": ([{"type": "thinking", "thinking": "hm", "signature": "c2ln"}], SENT),
        "reasoning_items": ([{"type": "reasoning", "id": "r"}], "has no member")}),
    "ChatCompletionResponseMessage": (assistant, {
        "content": ("Hi", SENT), "annotations": ([], IGNORED), "tool_calls": ([], IGNORED), "role": None,
        "function_call": (None, IGNORED), "provider_specific_fields": ({}, IGNORED), "reasoning_content": ("hm", SENT),
        "thinking_blocks": ([], IGNORED)}),
    "ChatCompletionToolMessage": (tool_message, {
        "role": None, "content": ("y", SENT), "tool_call_id": ("d", SENT), "is_error": (True, SENT)}),
    "ChatCompletionFunctionMessage": (lambda **m: message(role="function", **m), {
        "role": None, "content": ("y", "use tool"), "name": ("f", "use tool"), "tool_call_id": ("c", "use tool")}),
    "ChatCompletionSystemMessage": (lambda **m: message(role="system", **m), {"cache_control": (MARK, SENT)}),
    "ChatCompletionDeveloperMessage": (lambda **m: message(role="developer", **m), {"cache_control": (MARK, SENT)}),
    "ChatCompletionAssistantToolCall": (calling, {"id": ("d", SENT), "type": ("function", IGNORED), "function": None}),
    "ChatCompletionToolCallChunk": (calling, {
        "id": ("d", SENT), "type": ("function", IGNORED), "function": None, "index": (0, IGNORED)}),
    "ChatCompletionToolCallFunctionChunk": (
        lambda **m: calling(function={"name": "f", "arguments": "{}", **m}), {
            "name": ("g", SENT), "arguments": ('{"a": 1}', SENT),
            "provider_specific_fields": ({"a": 1}, "has no member")}),
    "ChatCompletionToolParamFunctionChunk": (function, {
        "name": ("g", SENT), "description": ("d", SENT), "parameters": ({"properties": {}}, SENT),
        "strict": (True, SENT), "eager_input_streaming": (True, "has no member")}),
    "ChatCompletionToolParam": (tool, {
        "cache_control": (MARK, SENT), "allowed_callers": (["a"], "has no member"),
        "eager_input_streaming": (True, "has no member"), "defer_loading": (True, "has no member")}),
    "ChatCompletionToolChoiceFunctionParam": (
        lambda **m: {**tool(), "tool_choice": {"type": "function", "function": m}}, {"name": ("f", SENT)}),
    "ChatCompletionToolChoiceObjectParam": (tool, {"type": None, "function": None}),
    "ChatCompletionNamedToolChoiceParam": (tool, {"type": None, "function": None}),
    "ChatCompletionToolReferenceObject": (
        lambda **m: tool_message(content=[{"type": "tool_reference", "tool_name": "f", **m}]), {
            "type": ("tool_reference", "known are text"), "tool_name": ("f", "known are text")}),
    "ChatCompletionRequest": (request, {
        **{name: None for name in (
            "model", "messages", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "max_tokens", "n",
            "presence_penalty", "response_format", "seed", "service_tier", "safety_identifier", "prompt_cache_key",
            "stop", "stream_options", "temperature", "top_p", "tools", "tool_choice", "parallel_tool_calls",
            "function_call", "functions", "user", "metadata", "reasoning_effort")},
        "output_config": ({"effort": "low"}, "outputConfig")}),
}
