"""Feeds: records of calls, and the log."""

import logging
import threading

import pytest

import libbedrock
from libbedrock import Feed, FeedType, Request

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_each_call_has_a_record(scripted):
    with Feed() as feed:
        model = scripted("One.", "Two.")
        model.generate(Request("?").traceparent(f"00-{TRACE}-00f067aa0ba902b7-01"))
        with model.stream("?") as stream:
            assert "".join(stream.text) == "Two."
        first, second = (feed.next(10) for _ in range(2))
        assert first.type == FeedType.RECORD
        assert (first.record["trace_id"], first.record["parent_span_id"]) == (TRACE, "00f067aa0ba902b7")
        assert first.record["attributes"]["gen_ai.request.stream"] is False
        assert second.record["attributes"]["gen_ai.response.finish_reasons"] == ["end_turn"]
        assert second.record["trace_id"] != TRACE
        assert feed.next(0) is None


def test_only_a_feed_that_asks_for_content_has_the_messages(scripted):
    with Feed(content=True) as asks, Feed() as other:
        scripted("One.").generate("A question")
        attributes = asks.next(10).record["attributes"]
        assert attributes["gen_ai.input.messages"][0]["parts"] == [{"type": "text", "content": "A question"}]
        assert attributes["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "One."}]
        assert "gen_ai.input.messages" not in other.next(10).record["attributes"]


def test_a_feed_returns_how_many_items_were_lost(scripted):
    with Feed(capacity=1) as feed:
        model = scripted(*["One."] * 3)
        for _ in range(3):
            model.generate("?")
        assert libbedrock.shutdown(10)
        assert feed.next(0).type == FeedType.RECORD
        lost = feed.next(0)
        assert (lost.type, lost.lost, lost.record) == (FeedType.LOST, 2, {})


def test_the_log_goes_to_a_logger(scripted, caplog):
    logger = logging.getLogger("test.libbedrock")
    arrived = threading.Event()

    class Handler(logging.Handler):
        def emit(self, record):
            if "complete after" in record.getMessage():
                arrived.set()

    handler = Handler()
    logger.addHandler(handler)
    with caplog.at_level(logging.DEBUG, logger=logger.name):
        feed = libbedrock.log_to(logger)
        try:
            scripted("One.").generate("?")
            assert arrived.wait(10)
        finally:
            feed.close()
            logger.removeHandler(handler)
    assert any(record.levelno == logging.DEBUG and "call: " in record.getMessage() for record in caplog.records)


def test_a_loop_over_a_feed_ends_when_another_thread_closes_it():
    feed = Feed()
    read = []
    reader = threading.Thread(target=lambda: read.extend(feed))
    reader.start()
    feed.close()
    reader.join(10)
    assert not reader.is_alive() and read == []


def test_wrong_options_and_headers_are_named():
    with pytest.raises(libbedrock.ConfigError, match="log"):
        Feed(log="loud")
    with pytest.raises(libbedrock.InvalidArgumentError, match="traceparent"):
        Request("?").traceparent("00-1")
