"""The output: pipes, full disks, terminals."""

import json
import os
import subprocess

from cases import REASONING, case, equal
from program import LIMIT, PROGRAM, SECRET, Home
from service import Bedrock, delta, stream_of
from terminal import Terminal


@case
def a_full_disk_for_the_output_is_an_error_with_status_4():
    with Home() as home:
        for arguments in (
            ["ask", "Hi"],
            ["ask", "--json", "Hi"],
            [
                "call",
                "Converse",
                "--json",
                '{"messages": []}',
                "--config",
                '{"lint": "off", "transport": {"replies": ["x"]}}',
            ],
        ):
            with open("/dev/full", "wb") as full:
                scripted = (
                    home.scripted if arguments[0] == "ask" else lambda replies, *rest, **more: home.run(*rest, **more)
                )
                run = scripted(["Hello"], *arguments, stdout=full)
            equal(
                (run.status, run.err),
                (4, "bedrock: the output could not be written: No space left on device\n"),
                arguments,
            )
        with open("/dev/full", "wb") as full:
            equal(home.run("--help", stdout=full).status, 4)


@case
def a_reader_that_has_read_enough_ends_the_call_quietly():
    with Home() as home, Bedrock(lambda request: many_lines()) as bedrock:
        home.with_keys(bedrock)
        script = '"$0" ask -c talk.json Hi | head -1; echo "${PIPESTATUS[0]}"'
        run = subprocess.run(
            ["bash", "-c", script, str(PROGRAM)],
            capture_output=True,
            env=home.environment,
            cwd=home.path,
            stdin=subprocess.DEVNULL,
            timeout=LIMIT,
        )
        equal((run.stdout.decode(), run.stderr.decode()), ("a line\n141\n", ""))
        equal((bedrock.closed.wait(LIMIT), os.listdir(home.path)), (True, []))


def many_lines():
    yield stream_of("x")[0]
    while True:
        yield delta("a line\n" * 100)


@case
def a_closed_standard_output_is_an_error_and_a_closed_standard_input_is_not():
    with Home() as home:
        run = home.scripted("Hello", "Hi", preexec_fn=lambda: os.close(1))
        equal((run.status, run.err), (4, "bedrock: the output could not be written: Bad file descriptor\n"))
        run = home.scripted("Hello", "Hi", preexec_fn=lambda: os.close(0))
        equal((run.status, run.out), (0, "Hello\n"))
        equal(home.scripted("Hello", "Hi", preexec_fn=lambda: os.close(2)).status, 0)


EVIL = "\x1b]0;title\x07red \x1b[31m\x9b31m bell\x07 back\rfront \u202eright\u202c tab\t\x7f."


@case
def control_characters_are_harmless_at_a_terminal_and_unchanged_in_a_pipe():
    with Home() as home:
        equal(home.scripted(EVIL, "Hi").out, EVIL + "\n")
        config = json.dumps({"transport": {"replies": [EVIL]}})
        terminal = Terminal(home, "ask", "--config", config, "Hi")
        equal(terminal.end(), 0)
        shown = terminal.text.replace("\r\n", "\n")
        equal(shown, "^[]0;title^Gred ^[[31m<U+009B>31m bell^G back^Mfront <U+202E>right<U+202C> tab\t^?.\n")


@case
def a_message_of_a_server_cannot_control_the_terminal_either():
    with (
        Home() as home,
        Bedrock(lambda request: (400, {"x-amzn-errortype": "ValidationException"}, {"message": EVIL})) as bedrock,
    ):
        terminal = Terminal(home.with_keys(bedrock), "ask", "Hi")
        equal(terminal.end(), 1)
        equal(
            [c for c in terminal.text if ord(c) < 32 and c not in "\r\n\t" or c in "\x7f\x9b\u202e"], [], terminal.text
        )


@case
def styles_are_for_terminals_that_want_them():
    with Home() as home:
        arguments = ("ask", "--reasoning", "--config", json.dumps({"transport": {"replies": [REASONING]}}), "Hi")
        for environment, styled in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            terminal = Terminal(home, *arguments, **environment)
            equal(terminal.end(), 0)
            equal("\x1b[2mLet me think.\x1b[0m" in terminal.text, styled, repr(terminal.text))
            equal("\x1b" in terminal.text, styled)


@case
def no_secret_is_printed_by_any_command():
    def refuse(request):
        return (
            403,
            {"x-amzn-errortype": "AccessDeniedException"},
            {"message": f"No: {request.headers['authorization']} {SECRET}"},
        )

    with Home() as home, Bedrock(refuse) as bedrock:
        home.with_keys(bedrock).environment |= {
            "AWS_SESSION_TOKEN": "aTokenThatNobodyPrints",
            "HTTPS_PROXY": "http://user:aProxyPassword@127.0.0.1:9",
        }
        for arguments in (
            ["ask", "-v", "Hi"],
            ["doctor", "-v", "--send"],
            ["doctor", "--json", "--base-url", "https://proxied.example"],
            ["ask", "--config", '{"proxy": "http://u:aProxyPassword@"}', "Hi"],
        ):
            run = home.run(*arguments)
            for secret in (SECRET, "aTokenThatNobodyPrints", "aProxyPassword"):
                # A server that repeats what it cannot know is not the command's matter: it never gets the secret key.
                text = run.out + run.err.replace(f" {SECRET}", "") if secret == SECRET else run.out + run.err
                text = text.replace(f" {SECRET}", "") if secret == SECRET else text
                equal(secret in text, False, arguments, run)
