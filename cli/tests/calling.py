"""bedrock call: any operation."""

import base64
import json

from cases import PNG, case, contains, equal
from event_stream import event
from program import Home
from service import Bedrock, stream_of


@case
def an_operation_is_called_with_the_body_of_an_argument_a_file_or_a_pipe():
    with Home() as home, Bedrock(lambda request: (200, {}, {"embedding": [1, 2.5]})) as bedrock:
        home.with_keys(bedrock)
        body = '{"body": {"inputText": "Hello"}}'
        for arguments, more in (
            (["--json", body], {}),
            (["--json", "@" + home.file("body.json", body)], {}),
            (["-j-"], {"input": body}),
        ):
            run = home.run("call", "InvokeModel", *arguments, **more)
            equal((run.status, run.out), (0, '{"embedding": [1, 2.5]}\n'), run)
            equal(
                (bedrock.body, bedrock.requests[-1].path), ({"inputText": "Hello"}, "/model/test.model-v1%3A0/invoke")
            )


@case
def an_operation_that_streams_prints_a_line_for_each_event_and_the_lines_can_be_played_again():
    with Home() as home:
        request = '{"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}'
        run = home.scripted("Two words", "call", "ConverseStream", "--json", request)
        events = [json.loads(line) for line in run.out.splitlines()]
        equal(run.status, 0)
        equal((events[0], next(iter(events[-1]))), ({"messageStart": {"role": "assistant"}}, "metadata"))
        equal(home.scripted([{"events": events}], "Hi").out, "Two words\n")
        run = home.scripted("Two words", "call", "ConverseStream", "--no-stream", "--json", request)
        equal(json.loads(run.out)["output"]["message"]["content"], [{"text": "Two words"}])


@case
def an_event_that_the_service_writes_in_several_lines_is_one_line():
    start = {"role": "assistant"}
    frames = [event("messageStart", start, indent=2), *stream_of("a\nb")[1:]]
    with Home() as home, Bedrock(lambda request: frames) as bedrock:
        request = '{"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}'
        run = home.with_keys(bedrock).run("call", "ConverseStream", "--json", request)
        events = [json.loads(line) for line in run.out.splitlines()]
        equal((run.status, events[0]), (0, {"messageStart": start}), run)
        equal(events[1]["contentBlockDelta"]["delta"], {"text": "a\nb"})


@case
def chunks_of_invoke_model_are_printed_decoded():
    with Home() as home:
        chunks = [
            {"chunk": {"text": "Hel"}},
            {"chunk": {"text": "lo", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1}}},
        ]
        run = home.scripted([{"events": chunks}], "call", "InvokeModelWithResponseStream", "--json", '{"body": {}}')
        equal((run.status, [json.loads(line) for line in run.out.splitlines()]), (0, chunks), run)


@case
def attached_bytes_take_the_place_of_their_name():
    with Home() as home, Bedrock(lambda request: (200, {}, {})) as bedrock:
        image = home.file("a.png", PNG)
        run = home.with_keys(bedrock).run(
            "call", "InvokeModel", "--attach", f"picture={image}", "--json", '{"body": {"image": "@picture"}}'
        )
        equal((run.status, bedrock.body), (0, {"image": base64.b64encode(PNG).decode()}), run)
        equal(home.run("call", "InvokeModel", "--attach", image, "--json", "{}").status, 2)


@case
def operations_of_other_kinds_are_called_at_their_paths():
    with Home() as home, Bedrock(lambda request: (200, {}, {"inputTokens": 3})) as bedrock:
        home.with_keys(bedrock)
        run = home.run("call", "CountTokens", "--json", '{"messages": [{"role": "user", "content": "Hi"}]}')
        equal((run.status, run.out), (0, '{"inputTokens": 3}\n'), run)
        contains(bedrock.requests[-1].path, "/count-tokens")
        guardrail = {
            "guardrailIdentifier": "g",
            "guardrailVersion": "1",
            "source": "INPUT",
            "content": [{"text": {"text": "Hi"}}],
        }
        equal(home.run("call", "ApplyGuardrail", "--json", json.dumps(guardrail)).status, 0)
        equal(bedrock.requests[-1].path, "/guardrail/g/version/1/apply")


@case
def an_unknown_operation_suggests_the_nearest():
    with Home() as home:
        run = home.scripted("never", "call", "InvokeModle")
        equal((run.status, run.out), (2, ""), run)
        contains(run.err, "Did you mean InvokeModel?")
        equal(home.run("call").status, 2)
        equal(home.run("call", "InvokeModel", "Converse").status, 2)
