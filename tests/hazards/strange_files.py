# strange_files.py - each file that the library may read is a pipe, /dev/zero or a gigabyte long. A call ends within
# its timer and a quarter of a second, the stream of another model is not held up, and memory does not grow.
# seconds: 300

import ctypes
import hashlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# How much later than its timer a call may end, and how much later than its pace an event of the other model's may come:
# each in the best of so many tries, because the machine may be busy.
TIMER, LATE = 0.5, 0.25
HELD_UP, TRIES = 0.05, 12
# So many failures suffice: all tries of a case that fails take time.
MOST_FAILURES = 5
PACE = 0.01
GROWTH = 32 << 20
KINDS = ("pipe", "endless", "huge")

ROLE = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r"}
SSO = "sso_account_id = 1\nsso_role_name = r\nsso_region = us-east-1\nsso_start_url = https://s.example\n"


def sha(algorithm, text):
    return hashlib.new(algorithm, text.encode()).hexdigest()


# By name: variables in which FILE is the file, the config file, where in the home the file stands, members of the model's config.
PLACES = {
    "config": ({"AWS_CONFIG_FILE": "FILE"}, None, None, {}),
    "credentials": ({"AWS_SHARED_CREDENTIALS_FILE": "FILE"}, None, None, {}),
    "web identity token": ({"AWS_WEB_IDENTITY_TOKEN_FILE": "FILE", **ROLE}, None, None, {}),
    "container's token": ({"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "FILE",
                           "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/"}, None, None, {}),
    "SSO token": ({}, "[default]\n" + SSO, f".aws/sso/cache/{sha('sha1', 'https://s.example')}.json", {}),
    "SSO session's token": ({}, "[default]\nsso_session = s\n" + SSO.replace("sso_region", "region") +
                            "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://s.example\n",
                            f".aws/sso/cache/{sha('sha1', 's')}.json", {}),
    "login's token": ({}, "[default]\nlogin_session = arn:aws:iam::1:user/u\n",
                      f".aws/login/cache/{sha('sha256', 'arn:aws:iam::1:user/u')}.json", {}),
    "AWS_CA_BUNDLE": ({"AWS_CA_BUNDLE": "FILE"}, None, None, {"tls": True}),
    "REQUESTS_CA_BUNDLE": ({"REQUESTS_CA_BUNDLE": "FILE"}, None, None, {"tls": True}),
    "SSL_CERT_FILE": ({"SSL_CERT_FILE": "FILE"}, None, None, {"tls": True}),
    "ca_file": ({}, None, None, {"ca_file": "FILE"}),
    "replay": ({}, None, None, {"transport": {"replay": "FILE"}}),
    "record": ({}, None, None, {"transport": {"record": "FILE"}}),
}


class Library:
    def __init__(self):
        self.it = ctypes.CDLL(os.environ["BEDROCK_LIBRARY"])
        self.request = self.new("bedrock_request_new", {"messages": [{"role": "user", "content": "Hello?"}]})

    def new(self, function, value):
        """A handle, or the failure's message."""
        text, handle, error = json.dumps(value).encode(), ctypes.c_void_p(), ctypes.c_void_p()
        if getattr(self.it, function)(text, ctypes.c_size_t(len(text)), ctypes.byref(handle), ctypes.byref(error)) == 0:
            return handle
        return self.message(error)

    def message(self, error):
        self.it.bedrock_error_message.restype = ctypes.c_char_p
        return self.it.bedrock_error_message(error).decode()

    def generate(self, model):
        response, error = ctypes.c_void_p(), ctypes.c_void_p()
        status = self.it.bedrock_generate(model, self.request, None, ctypes.byref(response), ctypes.byref(error))
        return "" if status == 0 else self.message(error)

    def longest_pause(self, model, begun):
        """How long the longest pause between two events of a stream was."""
        stream, event, error = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        assert self.it.bedrock_stream_open(model, self.request, None, ctypes.byref(stream), ctypes.byref(error)) == 0
        pauses, last = [], None
        while self.it.bedrock_stream_next(stream, -1, ctypes.byref(event), ctypes.byref(error)) == 0:
            now = time.monotonic()
            pauses += [] if last is None else [now - last]
            last = now
            begun.set()
        self.it.bedrock_stream_free(stream)
        return max(pauses)


def memory():
    return next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmHWM"))


def try_once(place, file, url):
    """In a process of its own. Prints the time of the call, the longest pause of the other model's stream, and what memory grew by."""
    settings = json.loads(json.dumps(PLACES[place][3]).replace("FILE", file))
    config = {"model": "test.1.0", "region": "us-east-1", "timeout": f"{TIMER}s", "retry": {"max_attempts": 1},
              "base_url": url, **settings}
    if config.pop("tls", False):
        config.update(base_url=url.replace("http", "https"), api_key="k", secret_key="s")
    library = Library()
    words = "word " * int((TIMER + LATE) / PACE)
    other = library.new("bedrock_model_new", {"model": "m", "transport": {"replies": [{"text": words, "pace": f"{int(PACE * 1000)}ms"}]}})
    begun, longest = threading.Event(), []
    reading = threading.Thread(target=lambda: longest.append(library.longest_pause(other, begun)))
    open("/proc/self/clear_refs", "w").write("5")
    before = memory()
    reading.start()
    begun.wait()
    began = time.monotonic()
    model = library.new("bedrock_model_new", config)
    message = model if isinstance(model, str) else library.generate(model)
    took = time.monotonic() - began
    reading.join()
    print(json.dumps([took, longest[0] - PACE, memory() - before, message]))


def try_all(folder, url):
    home = folder / "home"
    for name in KINDS:
        (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / "pipe")
    (folder / "endless").symlink_to("/dev/zero")
    with open(folder / "huge", "wb") as huge:
        huge.truncate(1 << 30)
    for place, (variables, profile, cache, _) in PLACES.items():
        for kind in KINDS:
            file = str(folder / kind)
            environment = {key: value.replace("FILE", file) for key, value in variables.items()}
            subprocess.run(["rm", "-rf", home], check=True)
            (home / ".aws").mkdir(parents=True)
            if profile:
                (home / ".aws/config").write_text(profile)
            if cache:
                (home / cache).parent.mkdir(parents=True)
                (home / cache).symlink_to(file)
            took = held_up = float("inf")
            for _ in range(TRIES):
                done = subprocess.run([sys.executable, __file__, "once", place, file, url], capture_output=True, text=True, timeout=60,
                                      env={**os.environ, **environment, "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"})
                if done.returncode != 0:
                    yield f"{place}, {kind}: {done.returncode} {done.stderr}"
                    break
                this_took, this_held_up, grown, message = json.loads(done.stdout)
                took, held_up = min(took, this_took), min(held_up, this_held_up)
                if grown > GROWTH:
                    yield f"{place}, {kind}: memory grew by {grown >> 20} MiB: {message}"
                if "bug in this library" in message:
                    yield f"{place}, {kind}: {message}"
                if took <= TIMER + LATE and held_up <= HELD_UP:
                    break
            else:
                if took > TIMER + LATE:
                    yield f"{place}, {kind}: the call took {took:.3f} s: {message}"
                if held_up > HELD_UP:
                    yield f"{place}, {kind}: the other stream was held up by {held_up * 1000:.0f} ms: {message}"


if sys.argv[1] == "once":
    try_once(*sys.argv[2:])
else:
    with tempfile.TemporaryDirectory() as folder:
        failures = list(itertools.islice(try_all(Path(folder), sys.argv[2]), MOST_FAILURES))
    print("\n".join(failures), end="")
    sys.exit(1 if failures else 0)
