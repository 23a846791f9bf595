"""The command line: options, help, version."""

import subprocess

from cases import case, contains, equal, texts
from program import COMMANDS, ROOT, Home
from service import Bedrock


@case
def an_unknown_option_suggests_the_nearest():
    with Home() as home:
        run = home.run("ask", "--sistem", "x", "Hi")
        equal((run.status, run.err), (2, "bedrock: there is no option --sistem. Did you mean --system?\n"))
        run = home.run("ask", "--converstaion=x", "Hi")
        contains(run.err, "Did you mean --conversation?")
        run = home.run("ask", "-z", "Hi")
        equal((run.status, run.err), (2, "bedrock: there is no option -z. See bedrock ask --help\n"))
        run = home.run("ask", "--send", "Hi")
        equal((run.status, run.err), (2, "bedrock: --send is not an option of bedrock ask. See bedrock ask --help\n"))


@case
def a_misspelled_command_is_not_sent_as_a_prompt():
    with Home() as home:
        run = home.run("dcotor")
        equal((run.status, run.out), (2, ""))
        contains(run.err, "Did you mean bedrock doctor?", "bedrock ask dcotor")
        run = home.run("help")
        equal((run.status, run.out), (2, ""))
        contains(run.err, "Did you mean bedrock --help?")


@case
def options_may_be_grouped_glued_and_mixed_with_the_prompt():
    with Home() as home, Bedrock() as bedrock:
        run = home.with_keys(bedrock).run("ask", "Say", "-uvn5", "--system=Be brief.", "hello.", "-t", "0")
        equal((run.status, run.out), (0, "Hello there.\n"), run)
        equal(texts(bedrock.body["messages"][0]), ["Say hello."])
        equal(bedrock.body["inferenceConfig"], {"maxTokens": 5, "temperature": 0})
        contains(run.err, "tokens in", "[call] ")
        for arguments in (["--model"], ["-m"], ["--usage=yes"]):
            equal(home.run("ask", "Hi", *arguments).status, 2)


@case
def help_and_version_go_to_stdout_with_status_0():
    with Home() as home:
        for arguments in (["--help"], ["-h"], *([command, "--help"] for command in COMMANDS)):
            run = home.run(*arguments)
            equal((run.status, run.err, run.out[:7]), (0, "", "Usage: "), arguments)
            equal([line for line in run.out.splitlines() if len(line) > 100], [])
        for command in COMMANDS:
            contains(home.run("--help").out, f"  {command} ")
        version = subprocess.check_output([ROOT / "packaging/number", "version"], text=True).strip()
        equal(home.run("--version").out, f"bedrock {version} (libbedrock {version})\n")
