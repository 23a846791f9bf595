"""bedrock ask: the prompt, the request and the response."""

import base64
import json
import re
import threading

from cases import PNG, REASONING, case, contains, equal, texts
from program import LIMIT, Home
from service import Bedrock, delta, stream_of


@case
def the_response_goes_to_stdout_ends_with_a_newline_and_nothing_goes_to_stderr():
    with Home() as home:
        run = home.scripted("Because of the air.", "Why is the sky blue?")
        equal((run.status, run.out, run.err), (0, "Because of the air.\n", ""))
        equal(home.scripted("A line.\n", "Hello").out, "A line.\n")


@case
def without_a_command_bedrock_asks():
    with Home() as home, Bedrock() as bedrock:
        run = home.with_keys(bedrock).run("Why is", "the sky", "blue?")
        equal((run.status, run.out), (0, "Hello there.\n"), run)
        equal(texts(bedrock.body["messages"][0]), ["Why is the sky blue?"])
        equal(home.run("-u", "--", "--help").status, 0)
        equal(texts(bedrock.body["messages"][0]), ["--help"])


@case
def a_pipe_alone_is_the_prompt_and_beside_a_prompt_it_is_the_material():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        equal(home.run("ask", input="What is this?\n").status, 0)
        equal(texts(bedrock.body["messages"][0]), ["What is this?\n"])
        equal(home.run(input="What is that?").status, 0)
        equal(texts(bedrock.body["messages"][0]), ["What is that?"])
        equal(home.run("ask", "Shorten it.", input="A long text.\n").status, 0)
        equal(texts(bedrock.body["messages"][0]), ["A long text.\n\nShorten it."])
        equal(home.run("ask", "Shorten it.", input="").status, 0)
        equal(texts(bedrock.body["messages"][0]), ["Shorten it."])


@case
def a_file_as_standard_input_is_read_and_a_device_is_not():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        with open(home.file("material.txt", "From a file."), "rb") as material:
            equal(home.run("ask", "Read.", stdin=material).status, 0)
        equal(texts(bedrock.body["messages"][0]), ["From a file.\n\nRead."])
        with open("/dev/zero", "rb") as device:
            equal(home.run("ask", "Read.", stdin=device).status, 0)
        equal(texts(bedrock.body["messages"][0]), ["Read."])


@case
def a_megabyte_of_material_is_sent_whole():
    with Home() as home, Bedrock() as bedrock:
        material = "äöü " * 150_000
        equal(home.with_keys(bedrock).run("ask", "Count.", input=material).status, 0)
        equal(texts(bedrock.body["messages"][0]), [material + "\n\nCount."])


@case
def material_that_is_not_utf8_is_refused_and_the_byte_is_named():
    with Home() as home:
        run = home.scripted("never", "Read.", input=b"good \xff bad")
        equal((run.status, run.out), (2, ""))
        contains(run.err, "standard input is not text in UTF-8, from byte 6 on", "--document")


@case
def without_a_prompt_nothing_is_sent_and_the_status_is_2():
    with Home() as home:
        for arguments in ([], ["ask"], ["ask", "--usage"]):
            run = home.run(*arguments)
            equal((run.status, run.out), (2, ""), run)
            contains(run.err, "there is no prompt", "bedrock ask --help")


@case
def a_response_is_printed_while_it_is_written():
    seen = threading.Event()
    wait = lambda request: seen.wait(LIMIT)
    with (
        Home() as home,
        Bedrock(
            lambda request: [stream_of("First")[0], delta("First"), wait, *stream_of("", " second.")[1:]]
        ) as bedrock,
    ):
        process = home.with_keys(bedrock).start("ask", "Go on.")
        equal(process.stdout.read(5), b"First")  # the service goes on only after this
        seen.set()
        equal(process.communicate(timeout=LIMIT)[0], b" second.\n")
        equal(process.returncode, 0)


@case
def no_stream_waits_for_the_whole_response_of_converse():
    response = {
        "output": {"message": {"role": "assistant", "content": [{"text": "All at once."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 3, "totalTokens": 4},
    }
    with Home() as home, Bedrock(lambda request: (200, {}, response)) as bedrock:
        run = home.with_keys(bedrock).run("ask", "--no-stream", "Go.")
        equal((run.status, run.out, run.err), (0, "All at once.\n", ""))
        contains(bedrock.requests[0].path, "/converse")
        equal("stream" in bedrock.requests[0].path, False)


@case
def json_prints_the_whole_response():
    with Home() as home:
        run = home.scripted("Hello.", "--json", "Hi")
        response = json.loads(run.out)
        equal(
            (run.status, response["output"]["message"]["content"], response["stopReason"]),
            (0, [{"text": "Hello."}], "end_turn"),
        )
        equal(run.out.count("\n"), 1)


@case
def usage_prints_tokens_and_times_to_stderr():
    with Home() as home, Bedrock() as bedrock:
        run = home.with_keys(bedrock).run("ask", "--usage", "Hi")
        equal((run.status, run.out), (0, "Hello there.\n"))
        line = r"\[7 tokens in, 2 out, first token after \d+\.\d\d s, \d+\.\d\d s in all(, \d+ tokens a second)?\]\n"
        equal(bool(re.fullmatch(line, run.err)), True, run.err)


@case
def reasoning_is_printed_to_stderr_if_it_is_wanted():
    with Home() as home:
        equal(home.scripted([REASONING], "Hi").err, "")
        for arguments in (["--reasoning"], ["--reasoning", "--no-stream"]):
            run = home.scripted([REASONING], *arguments, "Hi")
            equal((run.status, run.out, run.err), (0, "Done.\n", "Let me think.\n"))


@case
def members_of_the_request_are_those_of_the_options():
    with Home() as home, Bedrock() as bedrock:
        run = home.with_keys(bedrock).run(
            "ask",
            "--system",
            "Be brief.",
            "-n",
            "50",
            "--temperature=0.25",
            "--top-p",
            ".5",
            "--stop",
            "END",
            "--stop",
            '"\n',
            "Hi",
        )
        equal(run.status, 0, run)
        equal(bedrock.body["system"], [{"text": "Be brief."}])
        equal(
            bedrock.body["inferenceConfig"],
            {"maxTokens": 50, "temperature": 0.25, "topP": 0.5, "stopSequences": ["END", '"\n']},
        )


@case
def a_number_that_is_none_is_a_usage_error():
    with Home() as home:
        for option in ("--max-tokens", "--temperature", "--top-p", "--trim"):
            for value in ("many", "1x", "", "nan"):
                run = home.scripted("never", option, value, "Hi")
                equal((run.status, run.out), (2, ""), option, value, run)


@case
def schema_asks_for_json_that_follows_it():
    schema = {"type": "object", "properties": {"colour": {"type": "string"}}}
    with Home() as home, Bedrock() as bedrock:
        path = home.file("schema.json", json.dumps(schema))
        equal(home.with_keys(bedrock).run("ask", "--schema", path, "Hi").status, 0)
        form = bedrock.body["outputConfig"]["textFormat"]
        equal(
            (form["type"], json.loads(form["structure"]["jsonSchema"]["schema"])["properties"]),
            ("json_schema", schema["properties"]),
        )
        run = home.run("ask", "--schema", home.file("list.json", "[]"), "Hi")
        equal(run.status, 2)
        contains(run.err, "list.json, which is not a JSON object")


@case
def request_adds_members_and_options_win_over_them():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        members = {"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}, "max_tokens": 5}
        equal(home.run("ask", "--request", json.dumps(members), "-n", "9", "Hi").status, 0)
        equal(bedrock.body["additionalModelRequestFields"], members["additionalModelRequestFields"])
        equal(bedrock.body["inferenceConfig"], {"maxTokens": 9})
        equal(home.run("ask", "--request", "@" + home.file("r.json", '{"max_tokens": 5}'), "Hi").status, 0)
        equal(bedrock.body["inferenceConfig"], {"maxTokens": 5})
        run = home.run("ask", "--request", '{"temperatur": 1}', "Hi")
        equal(run.status, 2)
        contains(run.err, "temperatur", "temperature")


@case
def images_and_documents_are_sent_in_the_order_of_the_command_line():
    with Home() as home, Bedrock() as bedrock:
        first, image, last = home.file("a.txt", "text"), home.file("b.png", PNG), home.file("c d.md", "# Title")
        equal(home.with_keys(bedrock).run("ask", "-d", first, "-i", image, "--document", last, "Compare.").status, 0)
        content = bedrock.body["messages"][0]["content"]
        equal([next(iter(block)) for block in content], ["document", "image", "document", "text"])
        equal(content[0]["document"]["name"], "a")
        equal(
            (content[1]["image"]["format"], content[1]["image"]["source"]["bytes"]),
            ("png", base64.b64encode(PNG).decode()),
        )
        equal(content[2]["document"]["format"], "md")


@case
def a_file_that_cannot_be_sent_is_named_and_nothing_is_sent():
    with Home() as home:
        run = home.scripted("never", "--image", "nowhere.png", "Hi")
        equal((run.status, run.out), (2, ""))
        contains(run.err, "nowhere.png", "No such file or directory")
        run = home.scripted("never", "--image", home.file("not.png", "text"), "Hi")
        equal((run.status, run.out), (2, ""))
        contains(run.err, "not.png")
