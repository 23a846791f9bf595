import libbedrock


def explain(error: libbedrock.Error) -> None:
    print(error)  # one line for people

    if isinstance(error, libbedrock.ContextOverflowError):
        print("So: shorten the conversation.")
    elif error.retryable:
        print(f"So: call again, after {error.retry_after or 1} s.")
    else:
        print(f"So: correct the program. HTTP {error.http_status}, {error.code}.")


try:
    model = libbedrock.Model("example.no-such-model-v1:0")
    print(model.generate("Hello.").text)
except libbedrock.Error as error:
    explain(error)
