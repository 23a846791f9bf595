import asyncio

import libbedrock


async def ask(model: libbedrock.Model) -> None:
    async with model.stream("Why is the sky blue?") as stream:
        async for _ in stream.text:
            pass


async def main() -> None:
    model = libbedrock.Model("us.anthropic.claude-haiku-4-5-20251001-v1:0", max_concurrency=10)
    tasks = [ask(model) for _ in range(100)]  # 100 calls, 10 at a time; there is no thread for each
    await asyncio.gather(*tasks)
    print(len(tasks), "complete")


asyncio.run(main())
