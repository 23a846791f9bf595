"""The program in an environment of its own."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent
PROGRAM = Path(os.environ.get("BEDROCK", HERE / "build/bedrock")).resolve()
MODEL = "test.model-v1:0"
SECRET = "aSecretKeyThatNobodyPrints"
LIMIT = 60  # seconds; only a case that hangs reaches it
COMMANDS = ("ask", "chat", "call", "doctor", "completion")


class Run:
    """What a process has done."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Home:
    """A temporary home, and the environment of a process in it."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.environment = {
            "HOME": str(self.path),
            "PATH": os.environ["PATH"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "BEDROCK_MODEL": MODEL,
            "LANG": "C.UTF-8",
        }
        return self

    def __exit__(self, *exception):
        self.folder.cleanup()

    def file(self, name, content):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def start(self, *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **more):
        environment = {**self.environment, **more.pop("environment", {})}
        return subprocess.Popen(
            [str(PROGRAM), *map(str, arguments)],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=self.path,
            **more,
        )

    def run(self, *arguments, input=None, **more):
        """Runs the program to its end. `input` goes to it by a pipe."""
        if input is not None:
            more["stdin"] = subprocess.PIPE
            input = input if isinstance(input, bytes) else input.encode()
        process = self.start(*arguments, **more)
        out, err = process.communicate(input, timeout=LIMIT)
        return Run(process.returncode, (out or b"").decode(errors="replace"), err.decode(errors="replace"))

    def scripted(self, replies, *arguments, **more):
        """Runs the program with a script in place of the network."""
        if isinstance(replies, str):
            replies = [replies]
        command = arguments[0] if arguments and arguments[0] in COMMANDS else "ask"
        rest = arguments[1:] if arguments and arguments[0] in COMMANDS else arguments
        return self.run(command, "--config", json.dumps({"transport": {"replies": replies}}), *rest, **more)

    def with_keys(self, bedrock):
        self.environment |= {
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "BEDROCK_BASE_URL": bedrock.url,
        }
        return self
