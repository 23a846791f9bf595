"""The interpreter exits while streams are open. exits.py has the ways."""

import os

import exits
import pytest
from conftest import PACKAGE


@pytest.mark.parametrize("way", exits.WAYS)
def test_an_exit_with_streams_open_is_silent_and_keeps_the_exit_code(way, service, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.fspath(PACKAGE))
    for _ in range(int(os.environ.get("BEDROCK_EXITS", "1"))):
        assert exits.leave(way, service) == ""
