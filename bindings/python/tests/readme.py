"""Runs before the blocks of the README: a script takes the place of the network, and files that they name are there."""

import asyncio
import os
import sys

os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
for word in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_EC2_METADATA_DISABLED"]:
    del os.environ[word]

import libbedrock  # noqa: E402

CALL = {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}}
REPLIES = {
    "tools": [{"message": {"role": "assistant", "content": [CALL]}}, "Sunny."],
    "InvokeModel": [{"json": {"embedding": [0.25, 0.5]}}],
}
with open("photo.jpg", "wb") as file:
    file.write(b"\xff\xd8\xff\xe0" + bytes(100))

original = libbedrock.Model.__init__
current = ""


def scripted(self, model, **config):
    if "transport" not in config:
        kind = "InvokeModel" if "InvokeModel" in current else "tools" if "tool_calls" in current else ""
        config["transport"] = {"replies": REPLIES.get(kind, ["One answer in some words."]), "repeat": True}
    original(self, model, **config)


libbedrock.Model.__init__ = scripted
names = {"__name__": "__main__"}


def BLOCK(text):
    """Runs a block, in the names of those before it."""
    global current
    current = text
    flags = __import__("ast").PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(text, "README.md", "exec", flags=flags)
    outcome = eval(code, names)
    if outcome is not None:
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(outcome)
        finally:
            loop.close()
    sys.stdout.flush()
