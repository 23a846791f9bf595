"""What the hazards in Python have in common: models of the runner's service and of a script."""

import os
import sys

import libbedrock


def arguments():
    """Returns the number of tries, and the URL of the service."""
    return int(sys.argv[1]), sys.argv[2]


def service_model(url, words, pause):
    """Returns a model that streams so many words, each after so many milliseconds."""
    keys = {"region": "us-east-1", "api_key": "k", "secret_key": "s", "retry": {"max_attempts": 1}}
    return libbedrock.Model(f"test.{words}.{pause}", base_url=url, **keys)


def scripted_model():
    return libbedrock.Model("any", transport={"replies": ["One two three."], "repeat": True})


def texts(stream):
    return sum(event.type is libbedrock.EventType.TEXT for event in stream)


def child_ended(pid):
    """Waits for a child, and returns its exit code. It is below 0 if a signal ended the child."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
