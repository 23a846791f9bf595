import libbedrock

model = libbedrock.Model("us.anthropic.claude-haiku-4-5-20251001-v1:0")
response = model.generate("Why is the sky blue?")
print(response.text)
