"""Recordings and replays."""

import json
import signal
import subprocess
import tempfile
from pathlib import Path

from cases import case, contains, equal
from printing import many_lines
from program import LIMIT, PROGRAM, Home
from service import Bedrock
from signals import interrupted


@case
def a_recording_is_replayed_without_the_service():
    with Home() as home:
        with Bedrock() as bedrock:
            equal(home.with_keys(bedrock).run("ask", "--record", "calls.json", "Hi").status, 0)
        run = home.run("ask", "--replay", "calls.json", "Hi")
        equal((run.status, run.out), (0, "Hello there.\n"))
        run = home.run("ask", "--replay", "calls.json", "Another question")
        equal((run.status, run.out), (2, ""))
        equal(home.run("ask", "--replay", "calls.json", "--record", "calls.json", "Hi").status, 2)


@case
def an_interrupted_call_is_in_the_recording():
    with tempfile.TemporaryDirectory() as folder:
        run, _, _ = interrupted(signal.SIGINT, "--record", f"{folder}/calls.json")
        equal(run.status, -signal.SIGINT, run)
        recorded = json.loads(Path(folder, "calls.json").read_text())["interactions"]
        equal(len(recorded), 1)
        contains(json.dumps(recorded), "Part", "given up")


@case
def a_recording_is_complete_if_the_reader_of_the_output_has_ended():
    with Home() as home, Bedrock(lambda request: many_lines()) as bedrock:
        script = '"$0" ask --record calls.json Hi | head -1'
        command = ["bash", "-c", script, str(PROGRAM)]
        environment = home.with_keys(bedrock).environment
        subprocess.run(
            command, capture_output=True, env=environment, cwd=home.path, stdin=subprocess.DEVNULL, timeout=LIMIT
        )
        recorded = json.loads((home.path / "calls.json").read_text())["interactions"]
        equal(len(recorded), 1)
