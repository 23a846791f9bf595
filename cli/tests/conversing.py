"""Conversations that are kept in a file."""

import json
import os
import re
import resource
import signal
import stat
from pathlib import Path

from cases import PNG, case, contains, equal, texts
from program import Home
from service import Bedrock, delta, stream_of


@case
def a_conversation_is_kept_over_three_calls():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        for count, question in enumerate(["My name is Ada.", "What is it?", "Spell it."]):
            equal(home.run("ask", "-c", "talk.json", "-n", "99", question).status, 0)
            equal(len(bedrock.body["messages"]), 2 * count + 1)
            equal(texts(bedrock.body["messages"][-1]), [question])
        kept = json.loads((home.path / "talk.json").read_text())
        equal([message["role"] for message in kept["messages"]], ["user", "assistant"] * 3)
        equal(texts(kept["messages"][1]), ["Hello there."])
        equal("inferenceConfig" in kept, False)
        equal(stat.S_IMODE((home.path / "talk.json").stat().st_mode), 0o600)
        equal(os.listdir(home.path), ["talk.json"])


@case
def a_call_that_fails_or_is_cut_leaves_the_conversation_as_it_was():
    error = {"x-amzn-errortype": "ValidationException"}
    for failure, status in (((400, error, {"message": "No."}), 1), ([stream_of("Cut")[0], delta("Cut")], 3)):
        with Home() as home, Bedrock() as bedrock:
            home.with_keys(bedrock)
            equal(home.run("ask", "-c", "talk.json", "One.").status, 0)
            before = (home.path / "talk.json").read_bytes()
            bedrock.respond = lambda request: failure
            equal(home.run("ask", "-c", "talk.json", "Two.").status, status)
            equal((home.path / "talk.json").read_bytes(), before)
            bedrock.respond = lambda request: stream_of("Three.")
            equal(home.run("ask", "-c", "talk.json", "Three.").status, 0)
            equal(len(bedrock.body["messages"]), 3)
            equal(os.listdir(home.path), ["talk.json"])


@case
def a_full_disk_leaves_the_conversation_as_it_was_and_no_other_file():
    def full_disk():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        equal(home.run("ask", "-c", "talk.json", "One.").status, 0)
        before = (home.path / "talk.json").read_bytes()
        run = home.run("ask", "-c", "talk.json", "Two.", preexec_fn=full_disk)
        equal((run.status, run.out), (4, "Hello there.\n"), run)
        contains(run.err, "talk.json could not be written, and is as it was: File too large")
        equal((home.path / "talk.json").read_bytes(), before)
        equal(os.listdir(home.path), ["talk.json"])


@case
def a_conversation_that_another_program_changed_is_not_overwritten():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        equal(home.run("ask", "-c", "talk.json", "One.").status, 0)
        other = b'{"messages":[]}'

        def change(request):
            home.file("talk.json", other)
            return stream_of("Two.")

        bedrock.respond = change
        run = home.run("ask", "-c", "talk.json", "Two.")
        equal((run.status, run.out), (4, "Two.\n"))
        equal((home.path / "talk.json").read_bytes(), other)
        saved = re.search(r"is in (\S+)\n", run.err)[1]
        equal(len(json.loads(Path(saved).read_text())["messages"]), 4)


@case
def a_link_to_a_conversation_stays_a_link():
    with Home() as home:
        home.file("real/talk.json", "")
        os.symlink("real/talk.json", home.path / "link.json")
        equal(home.scripted("Yes.", "-c", "link.json", "Hi").status, 0)
        equal(os.readlink(home.path / "link.json"), "real/talk.json")
        equal(len(json.loads((home.path / "real/talk.json").read_text())["messages"]), 2)


@case
def a_file_that_is_no_conversation_is_refused_and_not_touched():
    with Home() as home:
        for content in ("Dear diary", '{"messages": {}, "messages": 1}', "[1]"):
            home.file("diary.txt", content)
            run = home.scripted("never", "-c", "diary.txt", "Hi")
            equal((run.status, run.out), (2, ""), content, run)
            contains(run.err, "diary.txt")
            equal((home.path / "diary.txt").read_text(), content)
        equal(home.scripted("never", "-c", ".", "Hi").status, 2)


@case
def the_system_prompt_and_images_stay_in_the_conversation_until_they_are_replaced():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        home.run("ask", "-c", "talk.json", "-s", "Be a pirate.", "-i", home.file("a.png", PNG), "One.")
        home.run("ask", "-c", "talk.json", "Two.")
        equal(bedrock.body["system"], [{"text": "Be a pirate."}])
        equal(next(iter(bedrock.body["messages"][0]["content"][0])), "image")
        home.run("ask", "-c", "talk.json", "-s", "Be brief.", "Three.")
        equal(bedrock.body["system"], [{"text": "Be brief."}])


@case
def trim_shortens_a_conversation_by_whole_turns():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        for number in range(4):
            home.run("ask", "-c", "talk.json", f"Question {number}.")
        equal(home.run("ask", "-c", "talk.json", "--trim", "3", "The last.").status, 0)
        equal([texts(message)[0] for message in bedrock.body["messages"]], ["Question 3.", "Hello there.", "The last."])
