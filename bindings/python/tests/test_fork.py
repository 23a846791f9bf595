"""fork(), by everything that forks."""

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
import urllib.request
import warnings

import libbedrock
import pytest
from conftest import PACKAGE

STARTS = ["fork", "spawn", "forkserver"]
GUNICORN = ["--preload", "--workers", "4", "--bind", "127.0.0.1:0"]

# Python 3.12 warns of fork() in a process with threads. The library starts none before the first call, which a test
# below shows; the others fork on purpose after one.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


def in_child(function):
    """Runs a function in a forked child. Returns what it returned, or raises what it raised."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            try:
                outcome = function()
            except BaseException as error:
                outcome = error
            os.write(writing, pickle.dumps(outcome))
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    outcome = pickle.loads(data)
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def test_a_model_that_was_never_called_works_in_the_child_and_in_the_parent(at):
    model = at("words.3.0")
    assert in_child(lambda: model.generate("x").text) == "twenty bytes of text" * 3
    assert model.generate("x").text == "twenty bytes of text" * 3


def test_a_model_that_was_called_makes_itself_anew_in_the_child(at):
    model = at("words.3.0")
    model.generate("x")
    assert in_child(lambda: model.generate("x").text) == "twenty bytes of text" * 3
    assert model.generate("x").complete


def test_a_derived_model_makes_itself_anew_with_its_defaults(scripted):
    model = scripted("x").with_(system=[{"text": "Be brief."}]).with_(inferenceConfig={"maxTokens": 5})
    model.generate("x")

    def body():
        return libbedrock.Request("x").body(model)

    assert in_child(body) == body()
    assert '"maxTokens":5' in body() and "Be brief." in body()


def test_the_usage_of_a_model_begins_anew_in_the_child(at):
    model = at("words.3.0")
    model.generate("x")

    def usage():
        model.generate("x")
        return model.usage.total_tokens

    assert in_child(usage) == 4


def test_a_stream_of_the_parent_is_an_error_in_the_child_and_goes_on_in_the_parent(at):
    with at("words.3.20").stream("x") as stream:
        next(stream)
        assert stream.wait(10)
        with pytest.raises(libbedrock.ForkedError):
            in_child(lambda: next(stream))
        with pytest.raises(libbedrock.ResourceError, match="before fork"):
            in_child(lambda: stream.wait(0))
        assert len(list(stream.text)) == 3


def test_closing_a_stream_of_the_parent_in_the_child_does_not_end_it(at):
    with at("words.3.20").stream("x") as stream:
        next(stream)

        def leave():
            stream.close()
            with pytest.raises(libbedrock.ForkedError):
                stream.response
            return True

        assert in_child(leave)
        assert len(list(stream.text)) == 3


def test_a_request_of_the_parent_is_an_error_in_the_child(scripted):
    model, request = scripted("x"), libbedrock.Request("x")
    with pytest.raises(libbedrock.ForkedError):
        in_child(lambda: model.generate(request))
    with pytest.raises(libbedrock.ForkedError):
        in_child(lambda: request.json())


def test_a_response_of_the_parent_is_data_in_the_child(scripted):
    response = scripted("Hello.").generate("x")
    assert in_child(lambda: (response.text, response.message, response)) == (response.text, response.message, response)
    with pytest.raises(libbedrock.ForkedError):
        in_child(lambda: libbedrock.Request("x").add(response))


def test_a_model_that_is_closed_stays_closed_in_the_child(scripted):
    model = scripted("x")
    model.close()
    with pytest.raises(libbedrock.ClosedError):
        in_child(lambda: model.generate("x"))


def test_fork_while_other_threads_make_calls(at):
    model = at("words.20.0")
    stop = threading.Event()

    def use():
        while not stop.is_set():
            model.generate("x")
            with model.stream("x") as stream:
                for _ in stream:
                    pass

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            assert in_child(lambda: model.generate("x").text) == "twenty bytes of text" * 20
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_fork_inside_a_loop_over_a_stream(at):
    model, texts = at("words.5.10"), []
    for text in model.stream("x").text:
        texts.append(text)
        assert in_child(lambda: model.generate("x").complete)
    assert len(texts) == 5


def test_a_program_that_has_run_an_event_loop_can_run_one_in_its_child(at):
    import asyncio

    model = at("words.3.10")

    async def main():
        texts = []
        for _ in range(3):
            async with model.stream("x") as stream:
                texts += [text async for text in stream.text]
        return len(texts)

    assert asyncio.run(main()) == 9
    assert in_child(lambda: asyncio.run(main())) == 9
    assert asyncio.run(main()) == 9


def generate(model):
    return model.generate("x").text


@pytest.mark.parametrize("start", STARTS)
def test_multiprocessing_runs_calls_with_a_model_of_the_parent(start, at):
    model = at("words.3.0")
    model.generate("x")
    with multiprocessing.get_context(start).Pool(2) as pool:
        assert pool.map(generate, [model] * 8) == ["twenty bytes of text" * 3] * 8


def test_making_models_and_requests_starts_no_thread_so_that_python_does_not_warn_of_fork(python):
    ended = python(
        """
        import os
        model = MODEL("words.1.0").with_(timeout="5s")
        request = libbedrock.Request("x").system("y")
        request.json(), request.body(model)
        assert len(os.listdir("/proc/self/task")) == 1
        child = os.fork()
        if child == 0:
            model.generate("x")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert len(os.listdir("/proc/self/task")) == 1
        """
    )
    assert (ended.code, ended.out, ended.err) == (0, "", ""), ended


def test_gunicorn_with_preload_serves_with_a_model_that_was_made_before_its_workers(tmp_path, service):
    pytest.importorskip("gunicorn")
    (tmp_path / "app.py").write_text(
        f"""
import os, libbedrock
MODEL = libbedrock.Model("words.2.0", base_url={service!r}, region="us-east-1", api_key="k", secret_key="s")
MASTER = os.getpid()
def app(environ, start_response):
    start_response("200 OK", [("x-worker", str(os.getpid())), ("x-forked", str(os.getpid() != MASTER))])
    return [MODEL.generate("x").text.encode()]
"""
    )
    process = subprocess.Popen(
        # Not every warning is an error: gunicorn's workers do not close their sockets.
        [sys.executable, "-W", "error::DeprecationWarning", "-m", "gunicorn", *GUNICORN, "app:app"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.fspath(PACKAGE)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = []
        while not any("Listening at" in line for line in lines):
            lines.append(process.stderr.readline())
            assert lines[-1], "".join(lines)
        url = lines[-1].split("Listening at: ")[1].split()[0]
        seen, count, latest = set(), 0, time.monotonic() + 20
        # The first worker may answer a hundred requests before the second one has started.
        while count < 100 or (len(seen) < 2 and time.monotonic() < latest):
            count += 1
            with urllib.request.urlopen(url, timeout=20) as response:
                assert response.read() == b"twenty bytes of text" * 2
                assert response.headers["x-forked"] == "True"
                seen.add(response.headers["x-worker"])
    finally:
        process.terminate()
        printed = "".join(lines) + process.stderr.read()
        process.stderr.close()
        process.wait(20)
    assert len(seen) > 1, "more than one worker has answered"
    assert "Warning" not in printed and "Traceback" not in printed, printed


def test_no_warning_is_left_over():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        libbedrock.Model("any", transport={"replies": []}).close()


def test_credentials_that_were_replaced_are_those_of_the_child_too():
    model = libbedrock.Model("m", transport={"replies": []}, bearer_token="bedrock-api-key-1")
    derived = model.with_(timeout="20s")
    derived.set_credentials({"api_key": "AKIDEXAMPLE", "secret_key": "secret"})
    assert in_child(lambda: derived.api_key()[:16]) == "bedrock-api-key-"
