import libbedrock

model = libbedrock.Model("us.anthropic.claude-haiku-4-5-20251001-v1:0")
with model.stream("Why is the sky blue?") as stream:
    for text in stream.text:
        print(text, end="", flush=True)
print()
