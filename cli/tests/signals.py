"""Signals during a call."""

import os
import signal
import subprocess
import threading

from cases import case, contains, equal
from program import LIMIT, PROGRAM, Home, Run
from service import Bedrock, delta, stream_of, until_closed


def interrupted(number, *arguments, **more):
    """Sends a signal when a part of the response was printed."""
    with Home() as home, Bedrock(lambda request: [stream_of("Part")[0], delta("Part"), until_closed]) as bedrock:
        process = home.with_keys(bedrock).start("ask", "-c", "talk.json", *arguments, "Hi", **more)
        out = process.stdout.read(4)
        process.send_signal(number)
        rest, err = process.communicate(timeout=LIMIT)
        return (
            Run(process.returncode, (out + rest).decode(), err.decode()),
            bedrock.closed.wait(LIMIT),
            os.listdir(home.path),
        )


@case
def ctrl_c_ends_the_response_keeps_what_was_printed_and_the_program_ends_by_sigint():
    run, closed, files = interrupted(signal.SIGINT)
    equal((run.status, run.out, run.err), (-signal.SIGINT, "Part\n", ""))
    equal((closed, files), (True, []))


@case
def a_shell_sees_status_130_after_ctrl_c_and_143_after_sigterm():
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with Home() as home, Bedrock(lambda request: [stream_of("Part")[0], delta("Part"), until_closed]) as bedrock:
            home.with_keys(bedrock)
            script = '(echo $BASHPID >&2; exec "$0" ask Hi); echo "status $?"'
            process = subprocess.Popen(
                ["bash", "-c", script, str(PROGRAM)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                env=home.environment,
            )
            pid = int(process.stderr.readline())
            equal(process.stdout.read(4), b"Part")
            os.kill(pid, number)
            contains(process.communicate(timeout=LIMIT)[0].decode(), f"status {status}")


@case
def a_program_that_was_started_to_ignore_sigint_goes_on():
    go_on = threading.Event()
    part = [stream_of("Part")[0], delta("Part"), lambda request: go_on.wait(LIMIT), *stream_of("", ", and more.")[1:]]
    with Home() as home, Bedrock(lambda request: part) as bedrock:
        process = home.with_keys(bedrock).start(
            "ask", "Hi", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
        )
        equal(process.stdout.read(4), b"Part")
        process.send_signal(signal.SIGINT)
        go_on.set()
        equal((process.communicate(timeout=LIMIT)[0], process.returncode), (b", and more.\n", 0))
