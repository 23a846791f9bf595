"""bedrock chat."""

import json
import os
import signal
import time

from cases import PNG, case, contains, equal, texts
from program import LIMIT, MODEL, Home
from service import Bedrock, delta, stream_of, until_closed
from terminal import Pipe, Terminal


@case
def chat_reads_messages_from_a_pipe_and_sends_the_history():
    with Home() as home, Bedrock() as bedrock:
        run = home.with_keys(bedrock).run("chat", "-c", "talk.json", input="One.\n\n   \nTwo.\r\nThree.")
        equal((run.status, run.out, run.err), (0, "Hello there.\n" * 3, ""))
        equal(
            [texts(message)[0] for message in bedrock.body["messages"]],
            ["One.", "Hello there.", "Two.", "Hello there.", "Three."],
        )
        equal(len(json.loads((home.path / "talk.json").read_text())["messages"]), 6)


@case
def a_message_may_have_several_lines():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock).run("chat", input='First \\\nsecond\n"""\na\n\nb\n"""\n//not a command\n')
        sent = [texts(message)[0] for message in bedrock.body["messages"] if message["role"] == "user"]
        equal(sent, ["First \nsecond", "a\n\nb\n", "/not a command"])


@case
def ctrl_c_stops_a_response_of_chat_and_ctrl_d_ends_it():
    with Home() as home, Bedrock(lambda request: [stream_of("Part")[0], delta("Part"), until_closed]) as bedrock:
        terminal = Terminal(home.with_keys(bedrock), "chat", "-c", "talk.json")
        terminal.expect("> ")
        terminal.type("One.\n")
        terminal.expect("Part")
        terminal.type("\x03")
        terminal.expect("[stopped: this turn is not kept]")
        bedrock.respond = lambda request: stream_of("Whole.")
        terminal.expect("> ")
        terminal.type("a line that is discarded\x03")
        terminal.expect("> ")
        terminal.type("Two.\n")
        terminal.expect("Whole.")
        terminal.expect("> ")
        terminal.type("\x04")
        equal(terminal.end(), 0, terminal.text)
        equal([texts(message)[0] for message in bedrock.body["messages"]], ["Two."])
        equal(len(json.loads((home.path / "talk.json").read_text())["messages"]), 2)


@case
def ctrl_c_at_any_moment_after_the_prompt_discards_the_line_and_not_the_program():
    with Home() as home:
        terminal = Terminal(home, "chat")
        for _ in range(1000):
            terminal.expect("> ")
            terminal.type("One.\x03")
        terminal.expect("> ")
        terminal.type("\x04")
        equal(terminal.end(), 0, terminal.text)


@case
def ctrl_c_between_the_end_of_a_response_and_the_next_prompt_does_not_end_chat():
    # The program prints the usage on standard error after the response has ended. It stops there: the pipe is full.
    errors = Pipe()
    with Home() as home, Bedrock(lambda request: stream_of("Whole.")) as bedrock:
        terminal = Terminal(
            home.with_keys(bedrock), "chat", "--usage", "-c", "talk.json", stderr=errors.end, echo=True
        )
        errors.expect("> ")
        errors.fill()
        terminal.type("One.\n")
        terminal.expect("Whole.\r\n")
        terminal.type("\x03")
        terminal.expect("^C")
        errors.drain()
        errors.expect("> ")
        terminal.type("Two.\n")
        terminal.expect("Whole.\r\n")
        errors.expect("> ")
        terminal.type("\x04")
        equal(terminal.end(), 0, terminal.text)
        equal(len(json.loads((home.path / "talk.json").read_text())["messages"]), 4)


@case
def ctrl_c_twice_stops_a_response_of_chat_and_not_the_program():
    with Home() as home, Bedrock(lambda request: [stream_of("Part")[0], delta("Part"), until_closed]) as bedrock:
        terminal = Terminal(home.with_keys(bedrock), "chat")
        for _ in range(100):
            terminal.expect("> ")
            terminal.type("One.\n")
            terminal.expect("Part")
            for _ in range(2):  # typed, the second one would make the terminal discard what the first one has caused
                terminal.process.send_signal(signal.SIGINT)
            terminal.expect("[stopped: this turn is not kept]")
        terminal.expect("> ")
        terminal.type("\x04")
        equal(terminal.end(), 0, terminal.text)


@case
def ctrl_c_ends_a_command_of_chat_that_waits_for_a_pipe():
    with Home() as home:
        # A second Ctrl-C would discard what the first one has caused.
        terminal = Terminal(home, "chat", flush=False)
        terminal.expect("> ")
        os.mkfifo(home.path / "pipe")
        terminal.type("/image pipe\n")
        deadline = time.monotonic() + LIMIT
        with open(home.path / "pipe", "wb"):  # the program has opened it as well
            # A Ctrl-C before the program waits ends nothing.
            while not terminal.shows("the file pipe cannot be read: Interrupted system call", within=0.1):
                equal((terminal.process.poll(), time.monotonic() < deadline), (None, True), terminal.text)
                terminal.type("\x03")
            terminal.expect("> ")
        terminal.type("\x04")
        equal(terminal.end(), 0, terminal.text)


@case
def commands_of_chat_change_the_conversation():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        home.file("a.png", PNG)
        lines = [
            "One.",
            "/undo",
            "Two.",
            "/retry",
            "/system Be brief.",
            "/model another.model",
            "/image a.png",
            "Three.",
            "/trim 2",
            "/save copy.json",
            "/usage",
            "/model",
            "/nonsense",
            "/undo",
            "/undo",
            "/clear",
            "Four.",
            "/quit",
            "Five.",
        ]
        run = home.run("chat", input="\n".join(lines))
        equal(run.out.count("Hello there."), 5, run)
        bodies = [request.json for request in bedrock.requests]
        sent = [[texts(message)[-1] for message in body["messages"] if message["role"] == "user"] for body in bodies]
        equal(sent, [["One."], ["Two."], ["Two."], ["Two.", "Three."], ["Four."]])
        equal(["system" in body for body in bodies], [False, False, False, True, True])
        equal(
            [request.path.split("/")[2] for request in bedrock.requests][2:4],
            [MODEL.replace(":", "%3A"), "another.model"],
        )
        equal("image" in bodies[3]["messages"][-1]["content"][0], True)
        equal(len(json.loads((home.path / "copy.json").read_text())["messages"]), 2)
        contains(
            run.err,
            "[another.model]",
            "there is no command /nonsense",
            "[28 tokens in, 8 out]",
            "2 messages are in copy.json",
        )
        contains(
            home.run("chat", input="/help\n").err,
            *["/" + name for name in "help image document system model retry undo trim clear save usage quit".split()],
        )


@case
def a_question_that_was_asked_again_is_undone_as_one_turn():
    with Home() as home:
        run = home.scripted(["First.", "Second."], "chat", "-c", "talk.json", input="One.\n/retry\n/undo\n")
        equal((run.status, run.out, run.err), (0, "First.\nSecond.\n", "[0 messages]\n"))
        equal(json.loads((home.path / "talk.json").read_text()).get("messages", []), [])


@case
def a_turn_of_chat_that_fails_changes_nothing_and_a_script_learns_of_it():
    with Home() as home:
        error = {"error": {"status": 400, "code": "ValidationException", "message": "No."}}
        run = home.scripted(["Yes.", error, "Again."], "chat", "-c", "talk.json", input="One.\nTwo.\nThree.\n")
        equal((run.status, run.out), (1, "Yes.\nAgain.\n"), run)
        messages = json.loads((home.path / "talk.json").read_text())["messages"]
        equal([texts(message)[0] for message in messages], ["One.", "Yes.", "Three.", "Again."])
        equal(home.run("chat", "a prompt").status, 2)
