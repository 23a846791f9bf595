import libbedrock

TOOLS = [{"toolSpec": {
    "name": "weather",
    "description": "Returns the weather in a city.",
    "inputSchema": {"json": {
        "type": "object",
        "required": ["city"],
        "properties": {"city": {"type": "string"}},
    }},
}}]

model = libbedrock.Model(
    "us.anthropic.claude-haiku-4-5-20251001-v1:0", defaults={"toolConfig": {"tools": TOOLS}}
)
request = libbedrock.Request("Do I need an umbrella in Oslo?")
for _ in range(8):  # a model may call tools without an end
    response = model.generate(request)
    request.add(response)
    if not response.tool_calls:
        print(response.text)
        break
    for call in response.tool_calls:
        city = call.input.get("city") if call.input_valid else None
        if not isinstance(city, str):  # cut off, or missing
            request.tool_result(call.id, "The input is wrong.", error=True)
            continue
        print(f"{call.name}: {city}")
        request.tool_result(call.id, "Rain, 9 degrees.")
else:
    raise SystemExit("the model does not stop calling tools")
