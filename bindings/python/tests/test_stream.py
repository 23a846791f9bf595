"""Streams that are read with `for`."""

import sys
import threading
import time

import libbedrock
import pytest
from libbedrock import EventType

refcounting = pytest.mark.skipif(sys.implementation.name != "cpython", reason="objects end at once in CPython alone")


def test_a_loop_delivers_every_event_and_ends_after_the_complete_response(at):
    with at("words.3.1").stream("Hello?") as stream:
        events = list(stream)
        assert [event.type.name for event in events] == [
            "MESSAGE_START", "TEXT", "TEXT", "TEXT", "BLOCK_STOP", "MESSAGE_STOP", "METADATA"
        ]  # fmt: skip
        assert events[1].text == "twenty bytes of text"
        assert events[1].json() == {"contentBlockIndex": 0, "delta": {"text": "twenty bytes of text"}}
        assert events[1].payload.decode() == events[1].raw
        assert (events[0].block, events[1].block) == (None, 0)
    assert stream.response.complete
    assert stream.response.text == "twenty bytes of text" * 3
    assert stream.response.usage.total_tokens == 3


def test_an_event_keeps_its_values_after_the_next_one(scripted):
    events = list(scripted("one two three").stream("x"))
    assert "".join(event.text for event in events if event.type is EventType.TEXT) == "one two three"


def test_the_texts_alone_are_an_iterator(scripted):
    with scripted("one two three").stream("x") as stream:
        assert list(stream.text) == ["one ", "two ", "three"]


def test_a_text_may_hold_every_character(scripted):
    text = 'a\0b "quoted" \\ \u00e9 \u4e16 \U0001f600 \u2028'
    with scripted({"message": {"role": "assistant", "content": [{"text": text}]}}).stream("x") as stream:
        assert "".join(stream.text) == text
    assert stream.response.text == text


def test_a_stream_that_is_cut_is_an_error_and_never_a_short_response(at):
    words = []
    with at("cut-after.2", retry={"max_attempts": 1}).stream("x") as stream:
        with pytest.raises(libbedrock.TruncatedError) as raised:
            for text in stream.text:
                words.append(text)
    assert len(words) == 2
    assert not raised.value.response.complete
    assert raised.value.response.text == "".join(words)
    assert isinstance(raised.value, ConnectionError)
    assert not stream.response.complete


def test_a_stream_that_has_failed_fails_in_the_same_way_again(at):
    stream = at("cut-after.1", retry={"max_attempts": 1}).stream("x")
    messages = []
    for _ in range(2):
        with pytest.raises(libbedrock.TruncatedError) as raised:
            list(stream)
        messages.append(str(raised.value))
    assert messages[0] == messages[1]


def test_a_stream_that_has_ended_stays_at_its_end(scripted):
    stream = scripted("x").stream("x")
    assert len(list(stream)) > 0
    assert list(stream) == []


def test_breaking_out_of_a_with_block_ends_the_stream(at):
    with at("words.1000.10").stream("x") as stream:
        for event in stream:
            if event.type is EventType.TEXT:
                break
    with pytest.raises(libbedrock.ClosedError):
        next(stream)
    assert not stream.response.complete
    assert stream.response.text == "twenty bytes of text"


@refcounting
def test_breaking_out_of_a_loop_over_a_stream_without_a_name_ends_it(at):
    model = at("words.1000.10")
    before = libbedrock.live_handles()
    for _ in model.stream("x"):
        break
    assert libbedrock.live_handles() == before
    for _ in model.stream("x").text:
        break
    assert libbedrock.live_handles() == before


@refcounting
def test_an_exception_ends_the_stream(at):
    model = at("words.1000.10")
    before = libbedrock.live_handles()
    with pytest.raises(ZeroDivisionError):
        for _ in model.stream("x"):
            raise ZeroDivisionError
    assert libbedrock.live_handles() == before


def test_reading_the_rest_returns_the_response(at):
    with at("words.3.1").stream("x") as stream:
        next(stream)
        assert stream.read().text == "twenty bytes of text" * 3


def test_the_response_so_far_can_be_read_at_any_time(scripted):
    with scripted("one two three").stream("x") as stream:
        assert stream.response.text == ""
        for text in stream.text:
            break
        assert stream.response.text == text
        assert not stream.response.complete


def test_waiting_tells_whether_the_next_event_is_there(at):
    with at("silent-after.1").stream("x") as stream:
        assert stream.wait(10)
        next(stream)  # the role
        assert stream.wait(10)
        next(stream)
        assert not stream.wait(0.01)
        assert not stream.wait(0)


def test_closing_twice_and_closing_a_stream_that_was_never_read_do_nothing(at):
    stream = at("words.3.10").stream("x")
    stream.close()
    stream.close()
    assert not stream.response.complete
    with pytest.raises(libbedrock.ClosedError):
        next(stream)
    with pytest.raises(libbedrock.ResourceError):
        stream.fileno()


def test_a_closed_stream_does_not_wait_for_the_file_that_got_the_number_of_its_descriptor(at):
    import os

    stream = at("silent-after.1").stream("x")
    assert stream.wait(10)
    number = stream.fileno()
    stream.close()
    reading, writing = os.pipe()
    os.dup2(reading, number)
    try:
        with pytest.raises(libbedrock.ResourceError):
            stream.wait(0)
    finally:
        for descriptor in {reading, writing, number}:
            os.close(descriptor)


def test_cancelling_keeps_the_stream(at):
    stream = at("words.1000.10").stream("x")
    next(stream)
    stream.cancel()
    with pytest.raises(libbedrock.CancelledError):
        list(stream)


def test_one_cancel_ends_many_calls(at):
    model, cancel = at("silent-after.1"), libbedrock.Cancel()
    streams = [model.stream("x", cancel=cancel) for _ in range(3)]
    for stream in streams:
        next(stream)
    cancel.fire()
    for stream in streams:
        with pytest.raises(libbedrock.CancelledError):
            list(stream)
    with pytest.raises(libbedrock.CancelledError):
        model.generate("x", cancel=cancel)


def test_a_waiting_set_returns_the_streams_that_have_something_to_read(at):
    model = at("words.2.5")
    streams = {model.stream("x"): [] for _ in range(20)}
    closed = model.stream("x")
    with libbedrock.WaitSet() as waitset:
        waitset.add(closed)
        for stream in streams:
            waitset.add(stream)
            with pytest.raises(libbedrock.BusyError):
                waitset.add(stream)
        assert waitset.fileno() >= 0
        closed.close()
        for stream in waitset:
            streams[stream] += [event.text for event in stream.ready()]
        assert waitset.wait(0) is None
    assert all(texts.count("twenty bytes of text") == 2 for texts in streams.values())
    assert all(stream.ended and stream.response.complete for stream in streams)


def test_the_failure_of_a_stream_in_a_waiting_set_is_raised_where_that_stream_is_read(at):
    with libbedrock.WaitSet() as waitset:
        good, bad = at("words.2.20").stream("x"), at("cut-after.1", retry={"max_attempts": 1}).stream("x")
        for stream in (good, bad):
            waitset.add(stream)
        failures = []
        for stream in waitset:
            try:
                list(stream.ready())
            except libbedrock.TruncatedError:
                failures.append(stream)
    assert failures == [bad]
    assert good.response.complete


def test_without_descriptors_a_loop_goes_on_in_slices(at, monkeypatch):
    asked = []

    def none_left(number):
        asked.append(number)
        return -1

    monkeypatch.setattr(libbedrock.Stream._functions, "fd", none_left)
    with at("words.3.20").stream("x") as stream:
        with pytest.raises(libbedrock.ResourceError):
            stream.wait(0)
        assert "".join(stream.text) == "twenty bytes of text" * 3
    assert asked


def test_a_second_thread_that_reads_gets_an_error_and_does_not_hang(at):
    stream = at("silent-after.1").stream("x")
    reading = threading.Event()
    outcome = []

    def read():
        try:
            for event in stream:
                if event.type is EventType.TEXT:
                    reading.set()
        except libbedrock.Error as error:
            outcome.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    assert reading.wait(10)
    while thread.is_alive() and not stream._lock.locked():  # it is between two events, and then waits until the close
        time.sleep(0.001)
    with pytest.raises(libbedrock.BusyError):
        stream.wait(0)
    with pytest.raises(libbedrock.BusyError):
        next(stream)
    stream.close()  # this ends the other thread's wait
    thread.join(10)
    assert not thread.is_alive()
    assert isinstance(outcome[0], libbedrock.CancelledError)
    with pytest.raises(libbedrock.ClosedError):
        next(stream)


def test_threads_that_hammer_one_model_all_get_their_responses(at):
    model = at("words.5.0")
    failures, done = [], []

    def use():
        try:
            for _ in range(20):
                with model.stream("x") as stream:
                    assert "".join(stream.text) == "twenty bytes of text" * 5
                assert model.generate("x").text == "twenty bytes of text" * 5
            done.append(1)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and len(done) == 16


def test_threads_that_close_what_another_reads_free_it_once_and_crash_nothing(at):
    model = at("words.50.0")
    for _ in range(100):
        stream = model.stream("x")
        thread = threading.Thread(target=stream.close)
        try:
            thread.start()
            list(stream)
        except (libbedrock.CancelledError, libbedrock.ClosedError, libbedrock.BusyError):
            pass
        thread.join()
