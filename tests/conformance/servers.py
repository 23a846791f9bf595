"""Shared by scripts that test with packages by others: virtual Python environments, servers that they start, and ministack,
a server with the Bedrock API."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
SKIPPED = 77  # the exit code of automake's skipped test

MINISTACK = "ministack==1.5.33"


def enter_environment(name, *installs):
    """Restarts the program in a virtual environment under target/ with these packages. Each of `installs` is one pip command."""
    home = TARGET / name
    python = home / "bin" / "python"
    if sys.prefix == str(home):
        return
    stamp, wanted = home / "installed", repr(installs)
    if not (stamp.exists() and stamp.read_text() == wanted):
        print(f"installing into {home}", file=sys.stderr)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command in ([sys.executable, "-m", "venv", "--clear", home], *([*pip, *packages] for packages in installs)):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode != 0:
                said = (done.stderr or done.stdout).strip()
                print(f"skipped: {' '.join(map(str, command))} failed:\n{said}")
                sys.exit(SKIPPED)
        stamp.write_text(wanted)
    os.execv(python, [str(python), *sys.argv])


def enter_python_with_boto3():
    """Restarts the program in a virtual environment with ministack and the newest boto3 for the botocore that ministack pins.
    ministack verifies signatures without botocore."""
    enter_environment("conformance-venv", [MINISTACK, "boto3==1.43.106"])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def ministack(**settings):
    """Starts ministack on a free loopback port. Yields its URL, and stops it at the end."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],  # and nothing else, because it reads AWS_* variables
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "AUTH": "true",
        **settings,
    }
    with running([sys.executable, "-m", "ministack"], port, environment):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(command, port, environment):
    """Starts a server that listens on a loopback port. Yields its process, and stops it at the end."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True)  # Ctrl-C reaches only this program, which stops the server
        try:
            _wait_until_listening(server, port, log)
            yield server
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_listening(server, port, log):
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if server.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
                continue
            log.seek(0)
            raise RuntimeError(f"{server.args} does not listen on port {port}:\n{log.read()}")
