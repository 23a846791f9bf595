import libbedrock


def ask(transport: str) -> None:
    with libbedrock.Model(
        "us.anthropic.claude-haiku-4-5-20251001-v1:0", transport={transport: "sky.json"}
    ) as model:
        print(f"{transport}: {model.generate('Why is the sky blue?').text}")


ask("record")  # calls the service, and writes sky.json
ask("replay")  # needs no network: sky.json has the response
