"""Requests."""

import array
import copy
import json
import pickle

import libbedrock
import pytest
from libbedrock import Request

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def members(request):
    return json.loads(request.json())


def test_a_question_is_a_message_of_the_user():
    assert members(Request("Why?")) == {"messages": [{"role": "user", "content": [{"text": "Why?"}]}]}


def test_messages_members_and_requests_are_accepted(scripted):
    model = scripted("x")
    message = {"role": "user", "content": [{"text": "Why?"}]}
    for content in ("Why?", [message], (message,), {"messages": [message]}, Request("Why?")):
        assert Request(content).body(model) == Request("Why?").body(model)
        assert model.generate(content).text == "x"


def test_members_keep_their_order_and_every_character():
    request = Request(
        {"inferenceConfig": {"temperature": 0.5, "maxTokens": 5}, "messages": [], "zzz": "\u00e9\U0001f600\0"}
    )
    assert request.json() == (
        '{"inferenceConfig":{"temperature":0.5,"maxTokens":5},"messages":[],"zzz":"\u00e9\U0001f600\\u0000"}'
    )


def test_methods_chain_and_texts_of_one_role_join():
    request = Request().system("Be brief.").user("One.").user("Two.").assistant("Yes.").text("user", "Three.")
    assert members(request)["system"] == [{"text": "Be brief."}]
    assert [message["role"] for message in members(request)["messages"]] == ["user", "assistant", "user"]
    assert len(request) == 3
    assert request  # an empty one too
    assert Request() and len(Request()) == 0


@pytest.mark.parametrize(
    "data",
    [PNG, bytearray(PNG), memoryview(PNG), memoryview(bytearray(PNG)), array.array("B", PNG)],
    ids=lambda data: type(data).__name__,
)
def test_every_kind_of_bytes_can_be_attached(data, scripted):
    request = Request("What is this?").image(data).attach("again", data)
    request.message({"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": "@again"}}}]})
    blocks = members(request)["messages"][0]["content"]
    assert blocks[1]["image"]["format"] == "png"
    body = request.body(scripted("x"))
    assert body.count("iVBORw0KGgo") == 2


def test_bytes_inside_of_members_are_attached_as_boto3_has_them(scripted):
    block = {"image": {"format": "png", "source": {"bytes": PNG}}}
    request = Request([{"role": "user", "content": [block, {"text": "Which?"}]}])
    request.attach("bytes-2", PNG)  # the program may use any name
    request.message({"role": "user", "content": [block]}).set({"system": [{"text": "x"}]})
    assert request.body(scripted("x")).count("iVBORw0KGgo") == 2
    assert '"@bytes-1"' in request.json(attachments="by_name")
    assert '"@bytes-3"' in request.json(attachments="by_name")


def test_bytes_that_were_passed_may_change_afterwards(scripted):
    data = bytearray(PNG)
    request = Request("x").image(data)
    before = request.body(scripted("x"))
    data[:] = bytes(len(data))
    assert request.body(scripted("x")) == before


def test_a_document_shows_its_format_by_its_name():
    request = Request("Sum it up.").document(b"a,b\n1,2\n", name="table.csv")
    block = members(request)["messages"][0]["content"][1]["document"]
    assert (block["format"], block["name"]) == ("csv", "table")


def test_a_conversation_with_tools_goes_round(scripted):
    tool = {
        "role": "assistant",
        "content": [{"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1, "b": 2}}}],
    }
    model = scripted({"message": tool}, "3").with_(
        toolConfig={"tools": [{"toolSpec": {"name": "add", "inputSchema": {"json": {}}}}]}
    )
    request = Request("1 + 2?")
    first = model.generate(request)
    (call,) = first.tool_calls
    assert (call.id, call.name, call.input, call.input_valid) == ("t1", "add", {"a": 1, "b": 2}, True)
    assert call.kind is libbedrock.ToolCallKind.CLIENT
    assert (first.stop_reason, first.finish_reason) == ("tool_use", "tool_calls")
    request.add(first).tool_result(call.id, str(call.input["a"] + call.input["b"]))
    assert model.generate(request).text == "3"
    assert len(request) == 3


def test_an_input_of_a_tool_that_is_not_an_object_is_an_error(scripted):
    events = [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": '{"a": '}}}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "max_tokens"}},
    ]
    (call,) = scripted({"events": events}).stream("x").read().tool_calls
    assert not call.input_valid
    assert call.raw_input == '{"a": '
    with pytest.raises(ValueError, match="not a JSON object"):
        call.input


def test_members_are_set_and_removed():
    request = Request("x").set({"system": [{"text": "y"}], "inferenceConfig": {"maxTokens": 5}})
    request.remove("system").set({"inferenceConfig": None})
    assert members(request) == members(Request("x"))


def test_messages_are_removed_and_trimmed(scripted):
    request = Request()
    for number in range(4):
        request.user(f"question {number}").assistant(f"answer {number}")
    request.remove_messages(0, 2)
    assert len(request) == 6
    removed = request.trim(2)
    assert members(request)["messages"][0]["content"] == [{"text": "question 3"}]
    assert removed is not None and len(removed) == 4
    assert members(removed)["messages"][0]["content"] == [{"text": "question 1"}]
    assert request.trim(2) is None
    difference = removed.diff(request, scripted("x"))
    assert difference["pointer"] == "/messages/0/content/0/text"
    assert (difference["a"], difference["b"]) == ('"question 1"', '"question 3"')
    assert request.diff(request, scripted("x")) is None
    for impossible in (
        lambda: request.remove_messages(5),
        lambda: request.remove_messages(-1),
        lambda: request.trim(-1),
    ):
        with pytest.raises(libbedrock.InvalidArgumentError):
            impossible()


def test_a_copy_is_independent():
    request = Request("x").image(PNG)
    for other in (request.copy(), copy.copy(request), copy.deepcopy(request), Request(request)):
        other.user("y")
        assert other.json() != request.json()
    assert len(members(request)["messages"][0]["content"]) == 2


def test_a_request_is_saved_and_loaded_and_pickled():
    request = Request("x").image(PNG).system("y")
    assert Request.from_json(request.json()).json() == request.json()
    assert pickle.loads(pickle.dumps(request)).json() == request.json()
    named = Request.from_json(request.json(attachments="by_name")).attach("image-1", PNG)
    assert named.json() == request.json()
    with pytest.raises(libbedrock.InvalidArgumentError):
        request.json(attachments="neither")


@pytest.mark.parametrize("wrong", ["", " ", "{", "[]", '{"temperatur": 1}'])
def test_json_that_is_wrong_is_an_error(wrong):
    with pytest.raises(libbedrock.RequestError):
        Request.from_json(wrong)


def test_what_json_cannot_hold_is_an_error():
    with pytest.raises(TypeError, match="cannot hold a set"):
        Request({"messages": [{1, 2}]})
    with pytest.raises(TypeError, match="JSON cannot hold a set"):
        libbedrock.Model("m", defaults={"system": {1, 2}})
    with pytest.raises(ValueError):
        Request({"inferenceConfig": {"temperature": float("nan")}})
    with pytest.raises(ValueError, match="UTF-8"):
        Request("\ud800")
    with pytest.raises(ValueError, match="NUL"):
        Request("x").text("us\0er", "y")
    with pytest.raises(TypeError):
        Request("x").image("not bytes")


def test_an_error_points_to_the_member():
    with pytest.raises(libbedrock.RequestError) as raised:
        Request({"messages": [{"role": "user", "content": "x", "nme": 1}]})
    assert raised.value.path == "/messages/0/nme"


def test_a_request_that_is_closed_is_an_error():
    with Request("x") as request:
        pass
    for use in (lambda: request.user("y"), lambda: request.json(), lambda: request.copy()):
        with pytest.raises(libbedrock.ClosedError):
            use()


def test_threads_may_read_one_request(scripted):
    import threading

    model, request, seen = scripted("x"), Request("x" * 1000), set()

    def read():
        for _ in range(200):
            seen.add(request.json())
            seen.add(request.body(model))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {request.json(), request.body(model)}
