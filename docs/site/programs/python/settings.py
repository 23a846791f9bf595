import libbedrock

model = libbedrock.Model(
    "any",
    retry={"max_attempts": 5},
    timeouts={"connect": "2s"},
    defaults={"system": "Be brief.", "inferenceConfig": {"maxTokens": 200}},
    # A script takes the place of the service. It says nothing for a minute.
    transport={"replies": [{"pace": "60s", "text": "A late response."}]},
)
# A derived model shares connections and credentials, and has a deadline of its own.
quick = model.with_(timeouts={"total": "100ms"})
try:
    print(quick.generate("Hello.").text)
except libbedrock.TimeoutError as error:
    print(f"BEDROCK_E_{error.status.name}")
