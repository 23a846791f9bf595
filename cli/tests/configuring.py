"""The config of a call: options, files, environment."""

from cases import case, contains, equal
from program import SECRET, Home
from service import Bedrock, until_closed


@case
def model_region_and_keys_of_a_profile_are_used():
    with Home() as home, Bedrock() as bedrock:
        home.file(
            ".aws/credentials", f"[work]\naws_access_key_id = AKIAOFTHEPROFILE\naws_secret_access_key = {SECRET}\n"
        )
        run = home.run(
            "ask",
            "--model",
            "other.model-v2:0",
            "--region",
            "eu-west-3",
            "--profile",
            "work",
            "--base-url",
            bedrock.url,
            "Hi",
        )
        equal(run.status, 0, run)
        equal(bedrock.requests[0].path, "/model/other.model-v2%3A0/converse-stream")
        contains(bedrock.requests[0].headers["authorization"], "AKIAOFTHEPROFILE", "/eu-west-3/")


@case
def an_option_wins_over_the_config_and_the_config_over_the_environment():
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock).environment["BEDROCK_MODEL"] = "from.the-environment"
        config = home.file("config.json", '{"model": "from.the-config", "user_agent": "mine/1"}')
        equal(home.run("ask", "--config", "@" + config, "-m", "from.the-option", "Hi").status, 0)
        equal(home.run("ask", "--config", "@" + config, "Hi").status, 0)
        equal(home.run("ask", "Hi").status, 0)
        paths = [request.path.split("/")[2] for request in bedrock.requests]
        equal(paths, ["from.the-option", "from.the-config", "from.the-environment"])
        contains(bedrock.requests[0].headers["user-agent"], "mine/1")


@case
def a_config_that_is_wrong_is_a_usage_error_with_the_place():
    with Home() as home:
        run = home.run("ask", "--config", '{"timeout": "1s"', "Hi")
        equal(run.status, 2)
        contains(run.err, "the JSON is not valid", "column 17")
        run = home.run("ask", "--config", '{"regoin": "x"}', "Hi")
        equal(run.status, 2)
        contains(run.err, "regoin", "region")
        run = home.run("ask", "--timeout", "30", "Hi")
        equal(run.status, 2)
        contains(run.err, "timeout", "30s")
        run = home.run("ask", "--config", "@nowhere.json", "Hi")
        equal(run.status, 2)
        contains(run.err, "nowhere.json")


@case
def a_service_that_stays_silent_is_given_up_after_the_timeout():
    with Home() as home, Bedrock(lambda request: [until_closed]) as bedrock:
        run = home.with_keys(bedrock).run("ask", "--timeout", "300ms", "Hi")
        equal((run.status, run.out), (1, ""), run)
        contains(run.err, "300ms")


@case
def bedrock_example_scripted_responds_without_an_account_and_says_so():
    with Home() as home:
        run = home.run("Why is the sky blue?", environment={"BEDROCK_EXAMPLE": "scripted"})
        equal(run.status, 0)
        contains(run.out, "I am only a script")
        contains(run.err, "a script responds")
