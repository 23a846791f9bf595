import asyncio

import libbedrock


async def main():
    model = libbedrock.Model("us.anthropic.claude-haiku-4-5-20251001-v1:0")
    async with model.stream("Why is the sky blue?") as stream:
        async for text in stream.text:
            print(text, end="", flush=True)
    print()


asyncio.run(main())
