"""What becomes of each member of chat completions, as other libraries' types have them.

The keys are patterns of a member's path, where a message's role or a part's type follows the member that holds it; * is any
one name, and the first pattern that fits counts. The values are outcomes, or outcomes by the value as JSON, where "*" is any other:

    PLACE       the body has something for it
    NOTHING     it says nothing: the body is the same without it
    text        an error at this member whose message has this text, which says where the meaning can go
"""

PLACE, NOTHING = "place", "nothing"

FIELDS = "additionalModelRequestFields"
CACHE = "cachePoint"

OPENAI = {
    "model": PLACE,  # the path's, not the body's
    "messages": PLACE,
    "messages/*/role": PLACE,
    "messages/function": "use tool",
    "messages/*": PLACE,
    "messages/assistant/content": {"null": PLACE, "*": PLACE},  # null is an empty answer; no content at all is an error
    "messages/*/content": PLACE,
    "messages/*/content/*/type": PLACE,
    "messages/*/content/*/prompt_cache_breakpoint": PLACE,
    "messages/*/content/*/prompt_cache_breakpoint/mode": PLACE,
    "messages/*/content/*/prompt_cache_breakpoint/ttl": "use cache_control",
    "messages/*/content/text/text": PLACE,
    "messages/*/content/refusal/refusal": PLACE,
    "messages/*/content/image_url/image_url": PLACE,
    "messages/*/content/image_url/image_url/url": PLACE,
    "messages/*/content/image_url/image_url/detail": NOTHING,
    "messages/*/content/input_audio/input_audio": PLACE,
    "messages/*/content/input_audio/input_audio/data": PLACE,
    "messages/*/content/input_audio/input_audio/format": PLACE,
    "messages/*/content/file/file": PLACE,
    "messages/*/content/file/file/file_data": PLACE,
    "messages/*/content/file/file/file_id": "give file_data",
    "messages/*/content/file/file/filename": PLACE,
    "messages/*/name": NOTHING,
    "messages/tool/tool_call_id": PLACE,
    "messages/assistant/audio": "transcript",
    "messages/assistant/function_call": "use tool_calls",
    "messages/assistant/refusal": PLACE,
    "messages/assistant/tool_calls": PLACE,
    "messages/assistant/tool_calls/custom": "describe it as a function",
    "messages/assistant/tool_calls/function/id": PLACE,
    "messages/assistant/tool_calls/function/type": PLACE,
    "messages/assistant/tool_calls/function/function": PLACE,
    "messages/assistant/tool_calls/function/function/arguments": PLACE,
    "messages/assistant/tool_calls/function/function/name": PLACE,
    "audio": FIELDS,
    "frequency_penalty": FIELDS,
    "function_call": {'"auto"': NOTHING, "*": "use tool_choice"},
    "functions": "use tools",
    "logit_bias": FIELDS,
    "logprobs": {"false": NOTHING, "*": FIELDS},
    "max_completion_tokens": PLACE,
    "max_tokens": PLACE,
    "metadata": PLACE,
    "modalities": {'["text"]': NOTHING, "*": FIELDS},
    "moderation": {"{}": NOTHING, "*": "guardrailConfig"},
    "n": "a call for each",
    "parallel_tool_calls": {"true": NOTHING, "*": FIELDS},
    "prediction": FIELDS,
    "presence_penalty": FIELDS,
    "prompt_cache_key": CACHE,
    "prompt_cache_options": {"{}": NOTHING, "*": CACHE},
    "prompt_cache_options/mode": CACHE,
    "prompt_cache_options/ttl": CACHE,
    "prompt_cache_retention": CACHE,
    "reasoning_effort": "outputConfig.effort",
    "response_format": PLACE,
    "response_format/text": NOTHING,
    "response_format/text/type": PLACE,
    "response_format/json_object": "it has text and json_schema",
    "response_format/json_schema/type": PLACE,
    "response_format/json_schema/json_schema": PLACE,
    "response_format/json_schema/json_schema/name": PLACE,
    "response_format/json_schema/json_schema/description": PLACE,
    "response_format/json_schema/json_schema/schema": PLACE,
    "response_format/json_schema/json_schema/strict": NOTHING,
    "safety_identifier": "requestMetadata",
    "seed": FIELDS,
    "service_tier": {'"auto"': NOTHING, '"scale"': "default, flex, priority", '"fast"': "default, flex, priority",
                     "*": PLACE},
    "stop": PLACE,
    "store": {"false": NOTHING, "*": "leave it out"},
    "stream": NOTHING,
    "stream_options": NOTHING,
    "stream_options/include_obfuscation": NOTHING,
    "stream_options/include_usage": NOTHING,
    "temperature": PLACE,
    "tool_choice": PLACE,
    "tool_choice/allowed_tools": "give only the tools",
    "tool_choice/custom": "describe it as a function",
    "tool_choice/function/type": PLACE,
    "tool_choice/function/function": PLACE,
    "tool_choice/function/function/name": PLACE,
    "tools": PLACE,
    "tools/custom": "describe it as a function",
    "tools/function/type": PLACE,
    "tools/function/function": PLACE,
    "tools/function/function/name": PLACE,
    "tools/function/function/description": PLACE,
    "tools/function/function/parameters": PLACE,
    "tools/function/function/strict": {"false": NOTHING, "*": PLACE},
    "top_logprobs": FIELDS,
    "top_p": PLACE,
    "user": "requestMetadata",
    "verbosity": {'"medium"': NOTHING, "*": FIELDS},
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


def thought(**members):
    return assistant(thinking_blocks=[{"type": "thinking", "thinking": "hm", **members}])


def whole(**members):
    return {**message(), **members}


def audio(**members):
    return part(type="input_audio", input_audio={"data": "QQ==", "format": "wav"}, **members)


# LiteLLM's classes: how a member of each gets into a request, and for each member of its own a value and the outcome.
LITELLM = {
    "ChatCompletionCachedContent": (lambda **m: message(cache_control={"type": "ephemeral", **m}),
                                    {"type": ("ephemeral", PLACE), "ttl": ("5m", PLACE)}),
    "ChatCompletionPromptCacheBreakpoint": (lambda **m: part(**TEXT, prompt_cache_breakpoint=m),
                                            {"mode": ("explicit", PLACE)}),
    "ChatCompletionThinkingBlock": (thought, {
        "type": ("thinking", PLACE), "thinking": ("hm", PLACE), "signature": ("c2ln", PLACE),
        "cache_control": (MARK, "has no member"), "index": (0, NOTHING)}),
    "ChatCompletionRedactedThinkingBlock": (
        lambda **m: assistant(thinking_blocks=[{"type": "redacted_thinking", "data": "QQ==", **m}]), {
            "type": ("redacted_thinking", PLACE), "data": ("QUJD", PLACE),
            "cache_control": (MARK, "has no member"), "index": (0, NOTHING)}),
    "ChatCompletionTextObject": (lambda **m: part(**TEXT, **m), {"cache_control": (MARK, PLACE)}),
    "ChatCompletionImageUrlObject": (image, {
        "url": (DATA, PLACE), "detail": ("high", NOTHING), "format": ("image/png", NOTHING),
        "video_metadata": ({"fps": 1}, "has no member")}),
    "ChatCompletionImageObject": (part, {"type": None, "image_url": None}),
    "ChatCompletionVideoUrlObject": (video, {"url": ("s3://b/b.mp4", PLACE), "detail": ("low", NOTHING)}),
    "ChatCompletionVideoObject": (part, {"type": None, "video_url": None}),
    "ChatCompletionInputAudio": (lambda **m: part(type="input_audio", input_audio={"data": "QQ==", "format": "wav", **m}),
                                 {"data": ("QUJD", PLACE), "format": ("mp3", PLACE)}),
    "ChatCompletionAudioObject": (audio, {"type": None, "input_audio": None, "cache_control": (MARK, PLACE)}),
    "ChatCompletionDocumentObject": (document, {
        "type": None, "source": None, "title": ("t", PLACE), "context": ("c", PLACE),
        "citations": ({"enabled": True}, PLACE)}),
    "ChatCompletionFileObjectFile": (file, {
        "file_data": ("QUJD", PLACE), "file_id": ("f", "give file_data"), "filename": ("b.txt", PLACE),
        "format": ("text/csv", PLACE), "detail": ("low", "has no member"), "video_metadata": ({"a": 1}, "has no member")}),
    "ChatCompletionFileObject": (part, {"type": None, "file": None}),
    "ChatCompletionUserMessage": (message, {"cache_control": (MARK, PLACE)}),
    "ChatCompletionAssistantMessage": (assistant, {
        "cache_control": (MARK, PLACE),
        "thinking_blocks": ([{"type": "thinking", "thinking": "hm", "signature": "c2ln"}], PLACE),
        "reasoning_items": ([{"type": "reasoning", "id": "r"}], "has no member")}),
    "ChatCompletionResponseMessage": (assistant, {
        "content": ("Hi", PLACE), "annotations": ([], NOTHING), "tool_calls": ([], NOTHING), "role": None,
        "function_call": (None, NOTHING), "provider_specific_fields": ({}, NOTHING), "reasoning_content": ("hm", PLACE),
        "thinking_blocks": ([], NOTHING)}),
    "ChatCompletionToolMessage": (tool_message, {
        "role": None, "content": ("y", PLACE), "tool_call_id": ("d", PLACE), "is_error": (True, PLACE)}),
    "ChatCompletionFunctionMessage": (lambda **m: message(role="function", **m), {
        "role": None, "content": ("y", "use tool"), "name": ("f", "use tool"), "tool_call_id": ("c", "use tool")}),
    "ChatCompletionSystemMessage": (lambda **m: message(role="system", **m), {"cache_control": (MARK, PLACE)}),
    "ChatCompletionDeveloperMessage": (lambda **m: message(role="developer", **m), {"cache_control": (MARK, PLACE)}),
    "ChatCompletionAssistantToolCall": (calling, {"id": ("d", PLACE), "type": ("function", NOTHING), "function": None}),
    "ChatCompletionToolCallChunk": (calling, {
        "id": ("d", PLACE), "type": ("function", NOTHING), "function": None, "index": (0, NOTHING)}),
    "ChatCompletionToolCallFunctionChunk": (
        lambda **m: calling(function={"name": "f", "arguments": "{}", **m}), {
            "name": ("g", PLACE), "arguments": ('{"a": 1}', PLACE),
            "provider_specific_fields": ({"a": 1}, "has no member")}),
    "ChatCompletionToolParamFunctionChunk": (function, {
        "name": ("g", PLACE), "description": ("d", PLACE), "parameters": ({"properties": {}}, PLACE),
        "strict": (True, PLACE), "eager_input_streaming": (True, "has no member")}),
    "ChatCompletionToolParam": (tool, {
        "cache_control": (MARK, PLACE), "allowed_callers": (["a"], "has no member"),
        "eager_input_streaming": (True, "has no member"), "defer_loading": (True, "has no member")}),
    "ChatCompletionToolChoiceFunctionParam": (
        lambda **m: {**tool(), "tool_choice": {"type": "function", "function": m}}, {"name": ("f", PLACE)}),
    "ChatCompletionToolChoiceObjectParam": (tool, {"type": None, "function": None}),
    "ChatCompletionNamedToolChoiceParam": (tool, {"type": None, "function": None}),
    "ChatCompletionToolReferenceObject": (
        lambda **m: tool_message(content=[{"type": "tool_reference", "tool_name": "f", **m}]), {
            "type": ("tool_reference", "known are text"), "tool_name": ("f", "known are text")}),
    "ChatCompletionRequest": (whole, {
        **{name: None for name in (
            "model", "messages", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "max_tokens", "n",
            "presence_penalty", "response_format", "seed", "service_tier", "safety_identifier", "prompt_cache_key",
            "stop", "stream_options", "temperature", "top_p", "tools", "tool_choice", "parallel_tool_calls",
            "function_call", "functions", "user", "metadata", "reasoning_effort")},
        "output_config": ({"effort": "low"}, "outputConfig")}),
}
