"""What all tests share."""

import gc
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

# A shell starts background jobs with SIGINT ignored. Tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test depends on the machine's own configuration of AWS.
for variable in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[variable]
os.environ.update(
    AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/nonexistent", AWS_SHARED_CREDENTIALS_FILE="/nonexistent"
)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)

import libbedrock  # noqa: E402

# The folder that has the package: src, or where the wheel is installed.
PACKAGE = Path(libbedrock.__file__).resolve().parents[1]

KEYS = {"region": "us-east-1", "api_key": "k", "secret_key": "s"}


@pytest.fixture(scope="session")
def service():
    """The URL of a service on loopback, in another process."""
    process = subprocess.Popen(
        [sys.executable, HERE / "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.stdin.close()
    process.wait()
    process.stdout.close()


@pytest.fixture
def at(service):
    """Makes a model of that service: at("words.3.0")."""

    def make(behaviour, **config):
        return libbedrock.Model(behaviour, base_url=service, **{**KEYS, **config})

    return make


@pytest.fixture
def scripted():
    """Makes a model whose replies are in a script."""

    def make(*replies, **config):
        return libbedrock.Model("any", transport={"replies": list(replies), "repeat": True}, **config)

    return make


@pytest.fixture(scope="session")
def handles():
    """How many handles live between two tests: those that a test has failed to give back."""
    return {"kept": libbedrock.live_handles()}


@pytest.fixture(autouse=True)
def every_handle_is_freed(handles):
    """Each test gives every handle back.

    The number is not read anew before each test: a thread that ends late may hold an error for a moment.
    """
    yield
    for _ in range(500):
        if libbedrock.live_handles() == handles["kept"]:
            break
        gc.collect()
        time.sleep(0.01)  # a thread that is to end may not have ended yet
    before, handles["kept"] = handles["kept"], libbedrock.live_handles()
    assert handles["kept"] == before


class Ended:
    """A process that has ended."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"exit code {self.code}\n{self.out}\n{self.err}"


@pytest.fixture
def python(service):
    """Runs a program in an interpreter of its own. `MODEL(behaviour)` makes a model there."""
    opening = f"""
        import libbedrock, logging
        # With -X dev, event loops print which task took long, also if the machine was only busy.
        logging.getLogger("asyncio").addFilter(lambda record: " took " not in record.getMessage())
        def MODEL(behaviour, **config):
            return libbedrock.Model(behaviour, base_url={service!r}, **{{**{KEYS!r}, **config}})
    """

    def run(program, *arguments, timeout=30, flags=("-X", "dev", "-W", "error")):
        text = textwrap.dedent(opening) + textwrap.dedent(program)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE)])}
        return Ended(
            subprocess.run(
                [sys.executable, *flags, "-c", text, *arguments],
                env=environment,
                timeout=timeout,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
        )

    return run


def threads():
    """The number of threads of this process."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))


def pytest_report_header():
    return f"libbedrock {libbedrock.version()} in {libbedrock._library.path}"
