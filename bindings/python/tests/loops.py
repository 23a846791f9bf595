"""Event loops, one like the other for the tests."""

import asyncio
import importlib.util
import sys

import pytest


class Asyncio:
    """asyncio's own loop."""

    name = "asyncio"

    def new_loop(self):
        return asyncio.new_event_loop()

    def run(self, function, *arguments):
        loop = self.new_loop()
        try:
            return loop.run_until_complete(function(*arguments))
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)

    async def together(self, *functions):
        return await asyncio.gather(*[function() for function in functions])

    async def cancelled_after(self, started, function):
        """Runs a function, and cancels it when the event is set."""
        task = asyncio.ensure_future(function())
        while not started():
            await asyncio.sleep(0.001)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return True
        return False


class Uvloop(Asyncio):
    name = "uvloop"

    def new_loop(self):
        import uvloop

        return uvloop.new_event_loop()


class Trio:
    name = "trio"

    def run(self, function, *arguments):
        import trio

        return trio.run(function, *arguments)

    async def sleep(self, seconds):
        import trio

        await trio.sleep(seconds)

    async def together(self, *functions):
        import trio

        results = [None] * len(functions)

        async def keep(index, function):
            results[index] = await function()

        async with trio.open_nursery() as nursery:
            for index, function in enumerate(functions):
                nursery.start_soon(keep, index, function)
        return results

    async def cancelled_after(self, started, function):
        import trio

        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(function)
                while not started():
                    await trio.sleep(0.001)
                scope.cancel()
        return scope.cancelled_caught


LOOPS = [Asyncio(), Uvloop(), Trio()]
if sys.implementation.name == "pypy":  # neither uvloop nor the newest trio is made for it
    LOOPS = [Asyncio()]
each_loop = pytest.mark.parametrize(
    "loop",
    [
        pytest.param(
            loop,
            id=loop.name,
            marks=pytest.mark.skipif(importlib.util.find_spec(loop.name) is None, reason=f"{loop.name} is missing"),
        )
        for loop in LOOPS
    ],
)
