#!/usr/bin/env python3
"""Does the steps of a scenario in Python, and prints the transcript. README.md describes both.

runner.py FILE
runner.py --asyncio FILE    reads every stream and makes every call in an event loop of asyncio
"""

import base64
import json
import os
import sys
import threading
import time

import libbedrock
from libbedrock import EventType, FeedType, Status

KINDS = ("model", "request", "cancel", "stream", "response", "feed")
WITH_JSON = (EventType.BLOCK_DELTA, EventType.METADATA, EventType.OTHER)


def text(value):
    return json.dumps(value, ensure_ascii=False)


def name_of(status):
    return f"BEDROCK_{'E_' if status < 0 else ''}{status.name}"


def error_line(error, status_only=False):
    line = f"error {name_of(error.status)}"
    if status_only:
        return line
    wait = -1 if error.retry_after is None else round(error.retry_after * 1000)
    line += (
        f" code={text(error.code)} path={text(error.path)} http={error.http_status} request_id={text(error.request_id)}"
    )
    line += f" retryable={error.retryable:d} retry_after={wait} attempts={error.attempts} message={text(str(error))}"
    return line + (f" json={error.raw}" if error.raw else "")


def event_line(event, with_json=False):
    line = f"event {event.type.name}"
    if event.block is not None:
        line += f" block={event.block}"
    if event.text:
        line += f" text={text(event.text)}"
    if event.tool_id:
        line += f" tool_id={text(event.tool_id)}"
    if event.tool_name:
        line += f" tool_name={text(event.tool_name)}"
    if event.type is EventType.BLOCK_STOP and event.tool_id:
        line += f" input_valid={event.input_valid:d}"
    if event.raw and (with_json or event.type in WITH_JSON):
        line += f" json={event.raw}"
    if event.payload and not event.raw:
        line += f' payload="{base64.b64encode(event.payload).decode()}"'
    if event.round:
        line += f" round={event.round}"
    return line


def usage_line(usage):
    names = ("input", "output", "total", "cache_read", "cache_write")
    counts = {name: getattr(usage, f"{name}_tokens") for name in names}
    counts["latency"] = usage.latency_ms
    return "usage " + " ".join(f"{name}={-1 if count is None else count}" for name, count in counts.items())


def response_lines(response):
    yield (
        f"response complete={response.complete:d} stop_reason={text(response.stop_reason)} "
        f"finish_reason={text(response.finish_reason)} attempts={response.attempts} "
        f"request_id={text(response.request_id)} model={text(response.model)}"
    )
    yield f"  text {text(response.text)}"
    if response.reasoning:
        yield f"  reasoning {text(response.reasoning)}"
    for kind, calls in (("tool_call", response.tool_calls), ("server_tool_call", response.server_tool_calls)):
        for call in calls:
            written = call.raw_input if call.input_valid else text(call.raw_input)
            yield f"  {kind} id={text(call.id)} name={text(call.name)} input_valid={call.input_valid:d} input={written}"
    yield "  " + usage_line(response.usage)


class Plain:
    """Reads streams with `for`."""

    next = staticmethod(next)

    def item(self, feed):
        return feed.next()

    def call(self, model, operation, request, cancel):
        return model.call(operation, request, cancel=cancel)

    def generate(self, model, request, cancel):
        return model.generate(request, cancel=cancel)

    def connect(self, model, cancel):
        model.connect(cancel=cancel)

    def close(self):
        pass


class Asyncio:
    """Reads streams with `async for`."""

    def __init__(self):
        import asyncio

        self.loop = asyncio.new_event_loop()

    def next(self, stream):
        async def one():
            try:
                return await stream.__anext__()
            except StopAsyncIteration:
                return None

        event = self.loop.run_until_complete(one())
        if event is None:
            raise StopIteration
        return event

    def item(self, feed):
        import asyncio

        async def one():
            readable = asyncio.Event()
            while (item := feed.next(0)) is None:
                readable.clear()
                self.loop.add_reader(feed.fileno(), readable.set)
                await readable.wait()
                self.loop.remove_reader(feed.fileno())
            return item

        return self.loop.run_until_complete(one())

    def call(self, model, operation, request, cancel):
        return self.loop.run_until_complete(model.acall(operation, request, cancel=cancel))

    def generate(self, model, request, cancel):
        return self.loop.run_until_complete(model.agenerate(request, cancel=cancel))

    def connect(self, model, cancel):
        self.loop.run_until_complete(model.aconnect(cancel=cancel))

    def close(self):
        import gc

        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        gc.collect()  # a failed task and the traceback of its failure refer to each other


class Runner:
    def __init__(self, way):
        self.way = way
        self.objects = {kind: {} for kind in KINDS}
        self.prefix = ""
        self.timers = []  # which fire a cancel on a thread of their own

    def print(self, line):
        # Not print(): in the child of a fork nothing may wait in a buffer.
        os.write(1, f"{self.prefix}{line}\n".encode())

    def keep(self, kind, made, step):
        name = step.get("as", kind)
        older = self.objects[kind].get(name)
        self.objects[kind][name] = made
        if older is not None:
            older.close()

    def used(self, kind, step):
        name = step.get(kind, kind)
        if name not in self.objects[kind]:
            sys.exit(f"no {kind} was made under the name {name}")
        return self.objects[kind][name]

    def cancel_of(self, step):
        return self.used("cancel", step) if "cancel" in step else None

    def request_of(self, step):
        if "text" in step:
            return libbedrock.Request(step["text"])
        return made_request(step["json"]) if "json" in step else self.used("request", step)

    def run(self, steps):
        for step in steps:
            action = getattr(self, "do_" + step["do"], None)
            if action is None:
                sys.exit(f"no such action: {step['do']}")
            self.print(f"> {step['do']}")
            try:
                action(step)
            except libbedrock.Error as error:
                self.print(error_line(error, step.get("error") == "status"))

    def close(self):
        for timer in self.timers:
            timer.join()
        for objects in self.objects.values():
            for each in objects.values():
                each.close()
        self.objects = {kind: {} for kind in KINDS}
        self.way.close()

    def print_response(self, response, step):
        for line in response_lines(response):
            self.print(line)
        self.keep("response", response, step)

    # ---- models

    def do_model(self, step):
        self.keep("model", libbedrock.Model.from_config(step["config"]), step)

    def do_with(self, step):
        self.keep("model", self.used("model", step).with_(step["defaults"]), step)

    def do_model_id(self, step):
        self.print(f"model id {text(self.used('model', step).id)}")

    def do_model_usage(self, step):
        self.print(f"model {usage_line(self.used('model', step).usage)}")

    def do_set_credentials(self, step):
        self.used("model", step).set_credentials(step["json"])

    def do_api_key(self, step):
        key = self.used("model", step).api_key(step["seconds"], cancel=self.cancel_of(step))
        self.print(f"api key {key[:16]}...")

    def do_connect(self, step):
        self.way.connect(self.used("model", step), self.cancel_of(step))

    # ---- requests

    def do_request(self, step):
        self.keep("request", made_request(step["json"]) if "json" in step else libbedrock.Request(), step)

    def do_clone(self, step):
        self.keep("request", self.used("request", step).copy(), step)

    def do_reload(self, step):
        saved = self.used("request", step).json(attachments=step.get("attachments", "inline"))
        self.keep("request", libbedrock.Request.from_json(saved), step)

    def do_set(self, step):
        self.used("request", step).set(step["json"])

    def do_remove(self, step):
        self.used("request", step).remove(step["member"])

    def do_set_traceparent(self, step):
        self.used("request", step).traceparent(step["traceparent"])

    def do_add_text(self, step):
        self.used("request", step).text(step.get("role", "user"), step["text"])

    def do_add_message(self, step):
        self.used("request", step).message(step["json"])

    def do_add_response(self, step):
        self.used("request", step).add(self.used("response", step))

    def do_add_tool_result(self, step):
        self.used("request", step).tool_result(step["id"], step["text"], error=step.get("is_error", False))

    def do_add_image(self, step):
        data = base64.b64decode(step["base64"])
        self.used("request", step).image(data, format=step.get("format"), role=step.get("role", "user"))

    def do_add_document(self, step):
        data = base64.b64decode(step["base64"])
        self.used("request", step).document(
            data, name=step.get("name"), format=step.get("format"), role=step.get("role", "user")
        )

    def do_attach(self, step):
        self.used("request", step).attach(step["name"], base64.b64decode(step["base64"]))

    def do_message_count(self, step):
        self.print(f"messages {len(self.used('request', step))}")

    def do_remove_messages(self, step):
        self.used("request", step).remove_messages(step["first"], step["count"])

    def do_trim(self, step):
        removed = self.used("request", step).trim(step["max"])
        self.print(f"removed {0 if removed is None else len(removed)}")
        if removed is not None and "as" in step:
            self.keep("request", removed, step)
        elif removed is not None:
            removed.close()

    def do_request_json(self, step):
        self.print("request json " + self.used("request", step).json(attachments=step.get("attachments", "inline")))

    def do_request_body(self, step):
        self.print("request body " + self.used("request", step).body(self.used("model", step)))

    def do_diff(self, step):
        a, b = (self.used("request", {"request": step[name]}) for name in ("a", "b"))
        found = a.diff(b, self.used("model", step))
        self.print("diff " + ("none" if found is None else json.dumps(found, ensure_ascii=False, separators=(",", ":"))))

    # ---- calls

    def do_cancel(self, step):
        self.keep("cancel", libbedrock.Cancel(), step)

    def do_fire(self, step):
        cancel = self.used("cancel", step)
        if "after_ms" in step:
            self.timers.append(threading.Timer(step["after_ms"] / 1000, cancel.fire))
            self.timers[-1].start()
        else:
            cancel.fire()

    def do_ask(self, step):
        request = self.request_of(step)
        self.print_response(self.way.generate(self.used("model", step), request, self.cancel_of(step)), step)

    def do_call(self, step):
        request = self.request_of(step)
        response = self.way.call(self.used("model", step), step["operation"], request, self.cancel_of(step))
        self.print_response(response, step)

    # ---- streams

    def opened(self, step):
        model, request, cancel = self.used("model", step), self.request_of(step), self.cancel_of(step)
        if "operation" in step:
            return model.call_stream(step["operation"], request, cancel=cancel)
        return model.stream(request, cancel=cancel)

    def read(self, stream, step, most=None):
        """Reads a stream as a step wants it. Returns how many events came, and whether the response is complete."""
        count, ended = 0, False
        try:
            while count != most:
                try:
                    event = self.way.next(stream)
                except StopIteration:
                    self.print("done")
                    ended = True
                    break
                self.print(event_line(event, step.get("json_of_events", False)))
                count += 1
                if count == step.get("cancel_at"):
                    self.used("cancel", step).fire()
                if count == step.get("pause_after"):
                    time.sleep(step["pause_ms"] / 1000)
                if count == step.get("leave_after"):
                    self.print("left")
                    break
                if event.type is EventType.TOOL_CALL:
                    self.give_result(stream, event, step)
        except libbedrock.Error as error:
            self.print(error_line(error, step.get("error") == "status"))
        return count, ended

    def do_stream(self, step):
        with self.opened(step) as stream:
            count, ended = self.read(stream, step)
            if ended or count > 0:
                self.print_response(stream.response, step)

    def give_result(self, run, call, step):
        result = step["results"].get(call.tool_id, {})
        if "text" in result:
            run.result(call.tool_id, result["text"])
        if "error" in result:
            run.result(call.tool_id, libbedrock.ToolError(result["error"]))

    def do_run(self, step):
        model, request, options = self.used("model", step), self.request_of(step), dict(step["options"])
        with model.run(request, options.pop("tools", None), cancel=self.cancel_of(step), **options) as run:
            count, ended = self.read(run, step)
            if ended or count > 0:
                self.print_response(run.response, step)

    def do_open(self, step):
        self.keep("stream", self.opened(step), step)

    def do_next(self, step):
        self.read(self.used("stream", step), step, step.get("events", 1))

    def do_read(self, step):
        self.read(self.used("stream", step), step)

    def do_read_together(self, step):
        import asyncio

        async def read(stream):
            lines = []
            try:
                async for event in stream:
                    lines.append(event_line(event))
                lines.append("done")
            except libbedrock.Error as error:
                lines.append(error_line(error, step.get("error") == "status"))
            return lines

        async def read_all():
            return await asyncio.gather(*[read(self.objects["stream"][name]) for name in step["streams"]])

        for name, lines in zip(step["streams"], asyncio.run(read_all())):
            for line in [f"stream {name}", *lines]:
                self.print(line)

    def do_stream_cancel(self, step):
        self.used("stream", step).cancel()

    def do_stream_response(self, step):
        self.print_response(self.used("stream", step).response, step)

    # ---- responses and the rest

    def do_response(self, step):
        for line in response_lines(self.used("response", step)):
            self.print(line)

    def do_response_message(self, step):
        self.print(f"message {self.used('response', step).raw_message}")

    def do_response_json(self, step):
        self.print(f"json {self.used('response', step).raw}")

    def do_structured(self, step):
        self.print(f"structured {self.used('response', step).raw_structured()}")

    def do_feed(self, step):
        self.keep("feed", libbedrock.Feed(content=step.get("content", False)), step)

    def do_record(self, step):
        item = self.way.item(self.used("feed", step))
        if item.type is not FeedType.RECORD:
            sys.exit(f"the feed has no record but {item.type}")
        for pointer in step["members"]:
            self.print(f"  {pointer} {member(item.record, pointer)}")

    def do_close(self, step):
        kind = next(kind for kind in KINDS if kind in step)
        self.used(kind, step).close()

    def do_statuses(self, step):
        for status in sorted(Status, reverse=True):
            self.print(f"status {status.value} {name_of(status)}")

    def do_event_types(self, step):
        for kind in sorted(EventType):
            self.print(f"event type {kind.value} {kind.name}")

    def do_fork(self, step):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                self.prefix += "child: "
                self.way = type(self.way)()  # a child needs an event loop of its own
                self.run(step["steps"])
                code = 0
            finally:
                os._exit(code)
        self.print(f"child exited {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}")

    def do_shutdown(self, step):
        self.print("shutdown " + ("BEDROCK_OK" if libbedrock.shutdown(10) else "BEDROCK_AGAIN"))


def member(value, pointer):
    """The JSON of the member that a JSON pointer names, or "none"."""
    try:
        for key in pointer.split("/")[1:]:
            value = value[int(key) if isinstance(value, list) else key]
    except LookupError:
        return "none"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def made_request(members):
    return libbedrock.Request.from_json(members) if isinstance(members, str) else libbedrock.Request(members)


def main():
    with open(sys.argv[-1], encoding="utf-8") as file:
        scenario = json.load(file)
    runner = Runner(Asyncio() if "--asyncio" in sys.argv else Plain())
    if "config" in scenario:
        runner.run([{"do": "model", "config": scenario["config"]}])
    runner.run(scenario["steps"])
    runner.close()
    runner.print(f"live handles: {libbedrock.live_handles()}")


if __name__ == "__main__":
    try:
        main()
    except SystemExit as refused:
        if isinstance(refused.code, str):
            print(refused.code, file=sys.stderr)
            sys.exit(2)
        raise
