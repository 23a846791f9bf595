"""Models, responses and errors."""

import base64
import copy
import inspect
import pickle
import re
from pathlib import Path

import libbedrock
import pytest
from libbedrock import Model, Status

ROOT = Path(__file__).resolve().parents[3]


def test_a_wrong_config_is_an_error_that_points_to_the_key():
    with pytest.raises(libbedrock.ConfigError, match='did you mean "region"') as raised:
        Model("any", regoin="us-east-1")
    assert raised.value.path == "/regoin"
    assert isinstance(raised.value, ValueError)
    with pytest.raises(libbedrock.ConfigError):
        Model.from_config("{")
    with pytest.raises(TypeError, match="bytes belong in a request"):
        Model("any", user_agent=b"x")


def test_a_model_is_made_of_members_or_of_json():
    for config in ({"model": "m", "region": "eu-west-1"}, '{"model": "m"}', b'{"model": "m"}'):
        model = Model.from_config(config)
        assert model.id == "m"
        assert repr(model) == "Model('m')"


def test_no_secret_is_in_what_a_model_prints():
    model = Model("m", api_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI")
    assert "AKIA" not in repr(model) + str(model) and "wJalr" not in repr(model) + str(model)


def test_a_derived_model_adds_members_and_has_its_own_deadline(scripted, at):
    derived = scripted("x").with_(inferenceConfig={"maxTokens": 5}, timeout="5s")
    assert '"maxTokens":5' in libbedrock.Request("x").body(derived)
    with pytest.raises(libbedrock.TimeoutError):
        at("silent").with_(timeouts={"total": "50ms"}).generate("x")
    with pytest.raises(libbedrock.RequestError):
        derived.with_(api_key="k")


def test_a_model_tells_its_settings_and_no_secret():
    model = Model("m", region="eu-west-1", api_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI")
    settings = model.settings()
    assert settings["region"]["value"] == "eu-west-1"
    assert settings["credentials"]["provider"] == "access_keys"
    assert "AKIAIOSFODNN7EXAMPLE" not in str(settings) and "wJalr" not in str(settings)


def test_usage_adds_up(at):
    model = at("words.3.0")
    model.generate("x")
    model.with_(timeout="5s").generate("x")
    assert (model.usage.output_tokens, model.usage.total_tokens, model.usage.latency_ms) == (6, 8, None)


def test_stats_show_what_counts_against_limits(scripted):
    model = scripted("Hello.", limits={"requests_per_minute": 5})
    assert model.generate("x").model == model.id
    stats = model.stats
    assert (stats.running, stats.waiting, stats.waits, stats.refused) == (0, 0, 0, 0)
    assert (stats.requests_in_minute, stats.requests_per_minute, stats.tokens_per_minute) == (1, 5, None)


def test_every_operation_is_called_by_its_name(scripted):
    model = scripted({"json": {"embedding": [1, 2]}})
    assert model.call("InvokeModel", body={"inputText": "Hello"}).json() == {"embedding": [1, 2]}
    assert model.call("InvokeModel", {"body": {"inputText": "Hello"}}).json() == {"embedding": [1, 2]}
    request = libbedrock.Request({})
    assert model.call("InvokeModel", request, body={}).json() == {"embedding": [1, 2]}
    assert request.json() == "{}"
    with pytest.raises(libbedrock.InvalidArgumentError):
        model.call("NoSuchOperation")


def test_an_operation_that_streams_is_read_as_a_stream(scripted):
    model = scripted({"events": [{"chunk": {"a": 1}}, {"chunk": {"amazon-bedrock-invocationMetrics": {}}}]})
    with model.call_stream("InvokeModelWithResponseStream", body={}) as stream:
        events = list(stream)
    assert [event.type.name for event in events] == ["CHUNK", "CHUNK"]
    assert events[0].text == '{"a":1}'
    assert stream.response.complete


def test_connecting_ahead(at):
    at("words.1.0").connect(5)
    model = Model(
        "m", base_url="http://127.0.0.1:9", region="us-east-1", api_key="k", secret_key="s", retry={"max_attempts": 1}
    )
    with pytest.raises(libbedrock.NetworkError):
        model.connect()
    with pytest.raises(ConnectionError):
        model.generate("x")


@pytest.mark.parametrize(
    "behaviour, kind, base",
    [
        ("error.403.AccessDeniedException", libbedrock.AccessDeniedError, PermissionError),
        ("error.403.ExpiredTokenException", libbedrock.CredentialsError, libbedrock.Error),
        ("error.404.ResourceNotFoundException", libbedrock.NotFoundError, libbedrock.Error),
        ("error.400.ValidationException", libbedrock.ValidationError, libbedrock.Error),
        ("error.429.ThrottlingException", libbedrock.ThrottledError, libbedrock.Error),
        ("error.400.ServiceQuotaExceededException", libbedrock.QuotaError, libbedrock.Error),
        ("error.424.ModelErrorException", libbedrock.ModelError, libbedrock.Error),
        ("error.500.InternalServerException", libbedrock.ServiceError, libbedrock.Error),
        ("silent", libbedrock.TimeoutError, TimeoutError),
    ],
)
def test_each_failure_of_the_service_has_its_class(behaviour, kind, base, at):
    model = at(behaviour, retry={"max_attempts": 1}, timeout="2s" if behaviour == "silent" else "30s")
    with pytest.raises(kind) as raised:
        model.generate("x")
    error = raised.value
    assert isinstance(error, base) and isinstance(error, libbedrock.Error) and type(error) is kind
    assert str(error).startswith("bedrock: ")
    assert error.attempts == 1
    if behaviour.startswith("error"):
        _, status, code = behaviour.split(".")
        assert (error.http_status, error.code, error.request_id) == (int(status), code, "r-1")
        assert error.json() == {"message": "No."}


def every_error():
    return [cls for cls in vars(libbedrock).values() if inspect.isclass(cls) and issubclass(cls, libbedrock.Error)]


def test_every_status_that_fails_has_a_class_of_its_own():
    own = {cls.status for cls in every_error() if cls is not libbedrock.Error}
    assert own == {status for status in Status if status < 0}
    assert len(own) == len(every_error()) - 1


@pytest.mark.parametrize("cls", every_error(), ids=lambda cls: cls.__name__)
def test_an_error_can_be_made_copied_and_pickled(cls, scripted):
    response = scripted("x").generate("x")
    error = cls(
        "bedrock: no",
        code="c",
        path="/p",
        http_status=400,
        retryable=True,
        retry_after=1.5,
        attempts=2,
        response=response,
    )
    error.add_note("a note") if hasattr(error, "add_note") else None
    for other in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is cls
        assert str(other) == "bedrock: no"
        assert vars(other) == vars(error)
        assert other.status is cls.status


def test_a_response_is_plain_data(scripted):
    response = scripted("Hello.").generate("x")
    for other in (copy.copy(response), copy.deepcopy(response), pickle.loads(pickle.dumps(response))):
        assert other == response
        assert other.message == {"role": "assistant", "content": [{"text": "Hello."}]}
    assert hash(response) == hash(pickle.loads(pickle.dumps(response)))
    assert response != scripted("Bye.").generate("x")
    unpickled = pickle.loads(pickle.dumps(response))
    with pytest.raises(libbedrock.InvalidArgumentError, match="request.message"):
        libbedrock.Request("x").add(unpickled)
    assert len(libbedrock.Request("x").message(unpickled.message)) == 2


def test_events_can_be_compared_and_pickled(scripted):
    first, second = list(scripted("a b").stream("x")), list(scripted("a b").stream("x"))
    assert first == second and pickle.loads(pickle.dumps(first)) == first
    assert len(set(first)) == len(first)


def test_a_response_outlives_its_model_and_stream(scripted):
    model = scripted("Hello.")
    with model.stream("x") as stream:
        response = stream.read()
    model.close()
    assert len(libbedrock.Request("x").add(response)) == 2
    with pytest.raises(libbedrock.ClosedError):
        model.generate("x")


def test_a_recording_is_replayed(at, tmp_path):
    file = str(tmp_path / "calls.json")
    recorded = at("words.2.0", transport={"record": file}).generate("x")
    assert libbedrock.shutdown(10)
    replayed = at("words.2.0", transport={"replay": file}).generate("x")
    assert replayed.raw == recorded.raw


def test_shutdown_ends_calls_and_the_next_call_starts_again(at):
    stream = at("silent-after.1").stream("x")
    next(stream)
    assert libbedrock.shutdown(10)
    with pytest.raises(libbedrock.CancelledError):
        list(stream)
    assert at("words.1.0").generate("x").complete


def test_the_types_of_the_config_have_every_key_of_the_library():
    header = (ROOT / "include/bedrock.h").read_text()
    chapter = header[
        header.index("The keys, with the type and the default of each:") : header.index("An unknown key is an error")
    ]
    keys = set(re.findall(r"^ \*   ([a-z_]+(?:\.[a-z_]+)?)  ", chapter, re.MULTILINE))
    from libbedrock.types import Cache, Config, Hedge, Limits, Retry, Timeouts

    objects = {"timeouts": Timeouts, "retry": Retry, "cache": Cache, "hedge": Hedge, "limits": Limits}
    typed = {"model"} | set(Config.__annotations__)
    typed |= {f"{name}.{key}" for name, members in objects.items() for key in members.__annotations__}
    assert typed == keys


def test_credentials_are_replaced_and_a_key_is_made_of_them():
    with Model("m", transport={"replies": []}) as model:
        derived = model.with_(timeout="20s")
        derived.set_credentials({"bearer_token": "bedrock-api-key-1"})
        with pytest.raises(libbedrock.CredentialsError, match="has a bearer token"):
            model.api_key()
        model.set_credentials({"api_key": "AKIDEXAMPLE", "secret_key": "secret", "session_token": "t" * 5000})
        key = derived.api_key(60)
        url = base64.b64decode(key.removeprefix("bedrock-api-key-")).decode()
        assert url.startswith("bedrock.amazonaws.com/?Action=CallWithBearerToken&") and "X-Amz-Expires=60&" in url
        assert "AKIDEXAMPLE" in url and "t" * 5000 in url
        for seconds in (-1, 0, 43201, 2**32 + 60):
            with pytest.raises(libbedrock.Error, match="1 to 43200 seconds"):
                model.api_key(seconds)
        with pytest.raises(libbedrock.ConfigError) as raised:
            model.set_credentials({"api_key": "a"})
        assert raised.value.path == "/api_key"
