"""bedrock doctor."""

import hashlib
import json

from cases import case, contains, equal
from program import SECRET, Home
from service import Bedrock


def checks(run):
    """The results of the doctor by check. Two checks may have one name: the last counts."""
    return {check["check"]: check for check in json.loads(run.out)}


@case
def the_doctor_finds_a_healthy_setup_and_sends_nothing_unless_told():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock).environment["AWS_REGION"] = "eu-central-1"
        run = home.run("doctor")
        equal((run.status, bedrock.requests), (0, []), run)
        contains(
            run.out,
            "eu-central-1 (AWS_REGION)",
            f"{bedrock.url} (base_url in the config)",
            "AKIA************MPLE (AWS_ACCESS_KEY_ID)",
            "connected in ",
            "--send",
        )
        response = {
            "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 8, "outputTokens": 1, "totalTokens": 9},
        }
        bedrock.respond = lambda request: (200, {}, response)
        run = home.run("doctor", "--send")
        equal((run.status, len(bedrock.requests)), (0, 1), run)
        contains(run.out, "the model responded in ", "9 tokens")


@case
def the_doctor_finds_a_wrong_key_and_expired_credentials_when_it_sends():
    for code, status, advice in (
        ("UnrecognizedClientException", "invalid", "bedrock:InvokeModel"),
        ("ExpiredTokenException", "expired", "Get new credentials"),
    ):
        error = (403, {"x-amzn-errortype": code}, {"message": f"The token is {status}."})
        with Home() as home, Bedrock(lambda request: error) as bedrock:
            run = home.with_keys(bedrock).run("doctor", "--send", "--json")
            found = checks(run)
            equal((run.status, found["connection"]["result"], found["call"]["result"]), (1, "ok", "failed"))
            contains(found["call"]["found"], code)
            contains(found["call"]["advice"], advice)


@case
def the_doctor_names_the_ways_to_get_credentials_if_there_are_none():
    with Home() as home, Bedrock() as bedrock:
        run = home.run("doctor", "--json", "--base-url", bedrock.url)
        found = checks(run)
        equal((run.status, found["credentials"]["result"], found["connection"]["result"]), (1, "failed", "ok"))
        contains(
            found["credentials"]["advice"],
            "aws configure",
            "aws sso login",
            "AWS_BEARER_TOKEN_BEDROCK",
            "BEDROCK_EXAMPLE=scripted",
        )
        equal(found["authorization"]["result"], "skipped")


@case
def the_doctor_names_where_the_region_is_from():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        equal(checks(home.run("doctor", "--json"))["region"]["found"], "us-east-1 (default)")
        home.file(".aws/config", "[default]\nregion = eu-north-1\n[profile work]\nregion = ap-south-1\n")
        equal(checks(home.run("doctor", "--json"))["region"]["found"], 'eu-north-1 (region of the profile "default")')
        found = checks(home.run("doctor", "--json", "-p", "work"))
        equal(found["region"]["found"], 'ap-south-1 (region of the profile "work")')
        equal(found["profile"]["found"], "work (profile in the config)")
        equal(
            checks(home.run("doctor", "--json", "-r", "us-west-2"))["region"]["found"],
            "us-west-2 (region in the config)",
        )
        home.environment["AWS_REGION"] = "not a region"
        found = checks(home.run("doctor", "--json"))
        equal(found["region"]["result"], "failed")
        contains(found["region"]["found"], "AWS_REGION")


@case
def the_doctor_finds_an_endpoint_that_cannot_be_reached():
    with Home() as home:
        with Bedrock() as bedrock:
            home.with_keys(bedrock)  # its port is closed at the end of this block
        run = home.run("doctor", "--json")
        found = checks(run)
        equal((run.status, found["connection"]["result"], found["credentials"]["result"]), (1, "failed", "ok"))
        contains(found["connection"]["found"], "refused")
        found = checks(home.run("doctor", "--json", "--base-url", bedrock.url.replace("http", "https")))
        equal(found["connection"]["result"], "failed")


@case
def the_doctor_finds_a_service_without_tls_where_tls_is_expected():
    with Home() as home, Bedrock() as bedrock:
        found = checks(
            home.with_keys(bedrock).run("doctor", "--json", "--base-url", bedrock.url.replace("http", "https"))
        )
        equal(found["connection"]["result"], "failed")
        contains(found["connection"]["found"], "TLS")


@case
def the_doctor_names_the_line_of_a_broken_file_and_a_profile_that_is_missing():
    with Home() as home:
        home.file(".aws/config", "[default]\nregion = us-east-1\n[profile broken\n")
        run = home.run("doctor")
        equal(run.status, 1)
        contains(run.out, "FAIL", ".aws/config", "line 3")
        home.file(".aws/config", "[profile other]\n")
        run = home.run("doctor", "--profile", "missing")
        equal(run.status, 1)
        contains(run.out, '"missing"', '"other"')


@case
def the_doctor_fetches_credentials_and_tells_their_failure_from_the_network_s():
    with Home() as home, Bedrock() as bedrock:
        home.environment["BEDROCK_BASE_URL"] = bedrock.url
        home.file(".aws/config", "[default]\ncredential_process = echo the vault is closed >&2; exit 3\n")
        found = checks(home.run("doctor", "--json"))
        equal(
            [found[name]["result"] for name in ("credentials", "connection", "authorization")], ["ok", "ok", "failed"]
        )
        contains(found["authorization"]["found"], "the vault is closed")
        contains(found["credentials"]["found"], 'credential_process of the profile "default"')
        keys = json.dumps({"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": SECRET})
        home.file(".aws/config", f"[default]\ncredential_process = echo '{keys}'\n")
        equal(checks(home.run("doctor", "--json"))["authorization"]["result"], "ok")
        expired = json.dumps(
            {"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": SECRET, "Expiration": "2020-01-01T00:00:00Z"}
        )
        home.file(".aws/config", f"[default]\ncredential_process = echo '{expired}'\n")
        found = checks(home.run("doctor", "--json"))
        equal(found["authorization"]["result"], "failed")
        contains(found["authorization"]["found"], "expired")


@case
def the_doctor_finds_that_a_login_with_sso_has_expired():
    with Home() as home, Bedrock() as bedrock:
        home.environment["BEDROCK_BASE_URL"] = bedrock.url
        url = "https://sso.example/start"
        home.file(
            ".aws/config",
            f"[profile office]\nsso_start_url = {url}\nsso_region = us-east-1\n"
            "sso_account_id = 123456789012\nsso_role_name = Reader\n",
        )
        token = json.dumps({"accessToken": "aTokenThatNobodyPrints", "expiresAt": "2020-01-01T00:00:00Z"})
        home.file(f".aws/sso/cache/{hashlib.sha1(url.encode()).hexdigest()}.json", token)
        run = home.run("doctor", "--json", "--profile", "office")
        found = checks(run)
        equal((run.status, found["credentials"]["result"], found["authorization"]["result"]), (1, "ok", "failed"), run)
        contains(found["credentials"]["found"], "SSO Reader 123456789012", 'the profile "office"')
        contains(found["authorization"]["found"], "has expired", 'aws sso login --profile "office"')
        equal("aTokenThatNobodyPrints" in run.out + run.err, False)


@case
def the_doctor_says_that_an_ec2_instance_is_the_last_resort():
    with Bedrock() as closed:
        pass
    with Home() as home, Bedrock() as bedrock:
        # The metadata service is a port of this machine that is closed by now.
        home.environment |= {
            "BEDROCK_BASE_URL": bedrock.url,
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": closed.url,
        }
        run = home.run("doctor", "--json")
        found = checks(run)
        equal((run.status, found["credentials"]["result"], found["authorization"]["result"]), (1, "warning", "failed"))
        contains(found["credentials"]["found"], "metadata service of the EC2 instance")
        contains(found["authorization"]["advice"], "aws configure", "aws sso login")


@case
def the_doctor_knows_that_temporary_keys_need_their_token():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock).environment["AWS_ACCESS_KEY_ID"] = "ASIAIOSFODNN7EXAMPLE"
        found = checks(home.run("doctor", "--json"))["credentials"]
        equal(found["result"], "failed")
        contains(found["advice"], "AWS_SESSION_TOKEN")
        found = checks(home.run("doctor", "--json", environment={"AWS_SESSION_TOKEN": "t"}))["credentials"]
        equal(found["result"], "ok")
        contains(found["found"], "with a session token")


@case
def the_doctor_warns_of_a_model_of_another_part_of_the_world():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        for model, region, result in (
            ("us.some.model", "eu-west-1", "warning"),
            ("us.some.model", "us-west-2", "ok"),
            ("eu.some.model", "us-east-1", "warning"),
            ("global.some.model", "eu-west-1", "ok"),
            ("arn:aws:bedrock:us-east-1::foundation-model/a", "eu-west-1", "warning"),
        ):
            run = home.run("doctor", "--json", "-m", model, "-r", region)
            equal((run.status, checks(run)["model"]["result"]), (0, result), model, region, run)


@case
def the_doctor_checks_the_config_the_proxy_and_the_certificates():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        run = home.run("doctor", "--config", '{"timeout": 5}')
        equal(run.status, 1)
        contains(run.out, "FAIL  config", "timeout")
        found = checks(home.run("doctor", "--json", environment={"AWS_CA_BUNDLE": "/nowhere.pem"}))
        equal(found["certificates"]["result"], "failed")
        contains(found["certificates"]["found"], "AWS_CA_BUNDLE", "/nowhere.pem")
        found = checks(
            home.run(
                "doctor",
                "--json",
                "--base-url",
                "https://far.example",
                environment={"HTTPS_PROXY": "http://u:p@127.0.0.1:9"},
            )
        )
        equal((found["proxy"]["found"], found["connection"]["result"]), ("http://127.0.0.1:9/ (HTTPS_PROXY)", "failed"))
        equal(home.run("doctor", "now").status, 2)


@case
def the_doctor_says_that_a_script_needs_no_network():
    with Home() as home:
        run = home.run("doctor", "--send", environment={"BEDROCK_EXAMPLE": "scripted"})
        equal(run.status, 0, run)
        contains(run.out, "replies: no network, no credentials", "the model responded")


@case
def the_doctor_connects_to_each_fallback_and_says_where_it_is():
    with Home() as home, Bedrock() as bedrock, Bedrock() as other:
        with Bedrock() as closed:
            pass
        home.with_keys(bedrock).environment["AWS_REGION"] = "us-east-1"
        fallbacks = [{"model": "other.model", "base_url": other.url}, {"model": "eu.some.model", "base_url": other.url}]
        run = home.run("doctor", "--json", "--config", json.dumps({"fallbacks": fallbacks}))
        found = checks(run)
        equal((run.status, found["fallback 1"]["result"], found["fallback 2"]["result"]), (0, "ok", "warning"), run)
        contains(found["fallback 1"]["found"], f"other.model in us-east-1 at {other.url}: connected in ", "credentials")
        contains(found["fallback 2"]["found"], f"eu.some.model in us-east-1 at {other.url}: connected in ")
        contains(found["fallback 2"]["advice"], "not called in us-east-1")
        equal((bedrock.requests, other.requests), ([], []))
        fallbacks = [{"region": "eu-west-1", "base_url": closed.url}, {"region": "us-west-2", "base_url": other.url}]
        config = {"fallbacks": fallbacks, "fallback_on": ["not_found"], "cooldown": "5s", "hedge": {"after": "4s"}}
        run = home.run("doctor", "--json", "--config", json.dumps(config))
        found = checks(run)
        equal((run.status, found["connection"]["result"]), (1, "ok"), run)
        equal((found["fallback 1"]["result"], found["fallback 2"]["result"]), ("failed", "ok"))
        contains(found["fallback 1"]["found"], f"in eu-west-1 at {closed.url}", "refused")
        contains(found["fallback 1"]["advice"], "curl -v")
        run = home.run("doctor", environment={"BEDROCK_EXAMPLE": "scripted"})
        equal("fallback" in run.out, False, run)


@case
def the_doctor_names_the_fallbacks_of_a_script():
    with Home() as home:
        config = {"transport": {"replies": ["Hi"]}, "fallbacks": [{"model": "other.model"}]}
        run = home.run("doctor", "--json", "--config", json.dumps(config))
        equal(checks(run)["fallback 1"], {"check": "fallback 1", "result": "ok", "found": "other.model"}, run)


@case
def the_doctor_reads_the_file_of_an_api_key():
    with Home() as home, Bedrock() as bedrock:
        home.environment["BEDROCK_BASE_URL"] = bedrock.url
        file = home.file("token", "aTokenThatNobodyPrints\n")
        arguments = ("doctor", "--json", "--config", json.dumps({"bearer_token_file": file}))
        run = home.run(*arguments)
        found = checks(run)
        equal((run.status, found["credentials"]["result"], found["authorization"]["result"]), (0, "ok", "ok"), run)
        contains(found["credentials"]["found"], f"a Bedrock API key {file} (bearer_token_file in the config)")
        equal("aTokenThatNobodyPrints" in run.out + run.err, False)
        home.file("token", "")
        run = home.run(*arguments)
        found = checks(run)
        equal((run.status, found["authorization"]["result"]), (1, "failed"), run)
        contains(found["authorization"]["found"], file, "is empty")
