"""Calls that fail."""

from cases import case, contains, equal
from program import Home
from service import Bedrock


@case
def an_error_of_the_service_is_one_line_with_status_1_and_the_request_id():
    refused = (
        400,
        {"x-amzn-errortype": "ValidationException", "x-amzn-requestid": "id-of-the-request"},
        {"message": "No such model."},
    )
    with Home() as home, Bedrock(lambda request: refused) as bedrock:
        run = home.with_keys(bedrock).run("ask", "Hi")
        equal((run.status, run.out), (1, ""))
        contains(run.err, "bedrock: ", "No such model", "id-of-the-request")
        equal(run.err.count("bedrock: "), 1)


@case
def a_stream_that_is_cut_prints_its_part_and_ends_with_status_3():
    with Home() as home:
        events = [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Half of"}}},
        ]
        run = home.scripted([{"events": events}], "Hi")
        equal((run.status, run.out), (3, "Half of\n"))
        run = home.scripted(
            [{"events": [*events, {"exception": "modelStreamErrorException", "message": "Broken."}]}], "Hi"
        )
        equal((run.status, run.out), (3, "Half of\n"))
        contains(run.err, "Broken.")
        run = home.scripted([{"events": events}], "--json", "Hi")
        equal((run.status, run.out), (3, ""))


@case
def a_response_that_ends_at_a_limit_is_complete_with_a_note():
    with Home() as home:
        reply = lambda reason: [{"message": {"role": "assistant", "content": [{"text": "So"}]}, "stopReason": reason}]
        run = home.scripted(reply("max_tokens"), "Hi")
        equal((run.status, run.out), (0, "So\n"))
        contains(run.err, "--max-tokens")
        contains(home.scripted(reply("guardrail_intervened"), "Hi").err, "guardrail_intervened")
        equal(home.scripted(reply("stop_sequence"), "Hi").err, "")


@case
def a_conversation_that_is_too_long_names_trim():
    with Home() as home:
        error = {
            "error": {"status": 400, "code": "ValidationException", "message": "Input is too long for requested model."}
        }
        run = home.scripted([error], "Hi")
        equal(run.status, 1)
        contains(run.err, "--trim")


@case
def without_credentials_the_error_names_the_doctor():
    with Home() as home:
        run = home.run("ask", "Hi")
        equal(run.status, 1)
        contains(run.err, "no credentials are configured", "bedrock doctor")
