"""Completions, the manual and the source."""

import json
import re
import shutil
import subprocess

from cases import PNG, REASONING, Skipped, case, contains, equal, need
from program import COMMANDS, HERE, LIMIT, PROGRAM, ROOT, Home
from service import Bedrock
from terminal import Terminal


def options_of_help(home):
    """The options of each command, by the help of the command."""
    found = {}
    for command in COMMANDS:
        lines = [line for line in home.run(command, "--help").out.splitlines() if re.match(r"  (-\w, |    )--", line)]
        found[command] = {
            word for line in lines for word in re.findall(r"(?<![\w-])(--[a-z-]+|-\w)(?=[ ,])", line[:33])
        }
    return found


def options_of_manual():
    """The options that each section of the manual lists."""
    parts = re.split(r"^\.S[sh] (.*)$", (HERE / "bedrock.1").read_text(), flags=re.M)
    items = {title: re.findall(r"^\.It (Fl .*)$", text, re.M) for title, text in zip(parts[1::2], parts[2::2])}
    flags = {title: re.findall(r"Fl (-?[\w-]+)", " ".join(lines)) for title, lines in items.items()}
    return {title: {"-" + flag for flag in found} for title, found in flags.items()}


@case
def help_manual_and_completions_have_the_same_options():
    with Home() as home:
        helped = options_of_help(home)
        equal(min(map(len, helped.values())) >= 4, True, helped)
        listed = options_of_manual()
        for command in COMMANDS:
            expected = listed[f"bedrock {command}"] | listed["Options of all commands"]
            if command != "completion":
                expected |= listed["Options of ask, chat, call and doctor"]
            if command in ("ask", "chat", "call"):
                expected |= listed["Options of ask, chat and call"]
            equal(sorted(helped[command]), sorted(expected), command)
        bash = home.run("completion", "bash").out
        for command in COMMANDS:
            completed = re.search(rf'^    {command}\) options="(.*)" ;;$', bash, re.M)[1]
            equal(sorted(set(completed.split())), sorted(helped[command]), command)
        zsh, fish = home.run("completion", "zsh").out, home.run("completion", "fish").out
        for command in COMMANDS:
            part = re.search(rf"^    {command}\)\n        _arguments(.*?) ;;$", zsh, re.M | re.S)[1]
            equal(
                set(re.findall(r"(?<=[{, ])--?[a-z-]+(?=[},'])", part)) | set(re.findall(r"\{(-\w),", part)),
                helped[command],
                command,
            )
            condition = "not __fish_seen" if command == "ask" else f"'__fish_seen_subcommand_from {command}'"
            mine = [line for line in fish.splitlines() if condition in line]
            spelled_by_fish = {"--" + name for line in mine for name in re.findall(r" -l (\S+)", line)}
            spelled_by_fish |= {"-" + letter for line in mine for letter in re.findall(r" -s (\w)", line)}
            equal(spelled_by_fish, helped[command], command)


@case
def the_completions_in_the_repository_are_those_that_the_program_prints():
    with Home() as home:
        for shell, file in (("bash", "bedrock.bash"), ("zsh", "_bedrock"), ("fish", "bedrock.fish")):
            equal(
                home.run("completion", shell).out, (HERE / "completions" / file).read_text(), "make -C cli completions"
            )
        equal(home.run("completion", "csh").status, 2)


@case
def bash_completes_commands_options_operations_and_files():
    with Home() as home:
        home.file("picture.png", PNG)
        script = f"""
            source {HERE}/completions/bedrock.bash
            complete_line() {{
                COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
                _bedrock
                echo "${{COMPREPLY[*]}}"
            }}
            complete_line bedrock do
            complete_line bedrock ask --sys
            complete_line bedrock call InvokeModelW
            complete_line bedrock ask --image pic
            complete_line bedrock ask --config @pic
            complete_line bedrock --temp
            complete_line bedrock doctor --se
            complete_line bedrock ask --system a
            complete_line bedrock completion f
        """
        run = subprocess.run(
            ["bash", "--norc", "-c", script], capture_output=True, text=True, cwd=home.path, timeout=LIMIT
        )
        equal(
            (run.stdout.splitlines(), run.stderr),
            (
                [
                    "doctor",
                    "--system",
                    "InvokeModelWithResponseStream",
                    "picture.png",
                    "@picture.png",
                    "--temperature",
                    "--send",
                    "",
                    "fish",
                ],
                "",
            ),
        )


@case
def zsh_completes_commands_options_operations_and_files():
    need("zsh")
    with Home() as home:
        home.file("picture.png", PNG)
        zsh = Terminal(home, "-f", "-i", program="zsh", TERM="dumb")
        zsh.type(f"fpath=({HERE}/completions $fpath); autoload -Uz compinit; compinit -D; echo rea''dy\n")
        zsh.expect("ready")
        for line, expected in (
            ("bedrock do", "bedrock doctor"),
            ("bedrock ask --sys", "bedrock ask --system"),
            ("bedrock --temp", "bedrock --temperature"),
            ("bedrock call InvokeModelW", "bedrock call InvokeModelWithResponseStream"),
            ("bedrock ask --image pic", "bedrock ask --image picture.png"),
            ("bedrock doctor --se", "bedrock doctor --send"),
            ("bedrock completion f", "bedrock completion fish"),
        ):
            # Ctrl-U clears the line; Ctrl-A and Ctrl-E go to its ends, so that zsh prints it.
            zsh.type(f"\x15{line}\t\x01print -r -- LINE \x05 END\n")
            zsh.expect("\nLINE ")
            equal(zsh.expect(" END").strip(), expected)
        zsh.type("exit\n")
        zsh.end()


@case
def fish_completes_commands_options_and_operations():
    need("fish")
    with Home() as home:
        for line, expected in (
            ("bedrock do", "doctor"),
            ("bedrock ask --sys", "--system"),
            ("bedrock completion f", "fish"),
            ("bedrock call InvokeModelW", "InvokeModelWithResponseStream"),
        ):
            run = subprocess.run(
                ["fish", "--no-config", "-c", f"source {HERE}/completions/bedrock.fish; complete -C '{line}'"],
                capture_output=True,
                text=True,
                env=home.environment,
                timeout=LIMIT,
            )
            equal(run.stderr, "")
            equal([word.split("\t")[0] for word in run.stdout.splitlines()], [expected])


@case
def the_manual_is_correct_mdoc():
    need("mandoc")
    command = ["mandoc", "-Tlint", str(HERE / "bedrock.1")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    # The pages that it refers to may not be installed.
    lines = (run.stdout + run.stderr).splitlines()
    equal([line for line in lines if "referenced manual not found" not in line and "mandoc.db" not in line], [])
    manual = (HERE / "bedrock.1").read_text()
    statuses = set(re.findall(r"^\.It (\d+)$", manual.split(".Sh EXIT STATUS")[1].split(".Sh ")[0], re.M))
    equal(statuses, {"0", "1", "2", "3", "4", "130", "141", "143"})
    for variable in ("BEDROCK_MODEL", "BEDROCK_BASE_URL", "BEDROCK_EXAMPLE", "NO_COLOR"):
        contains(manual, f".It Ev {variable}")


@case
def every_compiler_accepts_the_source_without_a_warning():
    flags = [
        "-D_XOPEN_SOURCE=700",
        "-std=c99",
        "-O2",
        "-Wall",
        "-Wextra",
        "-pedantic",
        "-Wshadow",
        "-Wconversion",
        "-Wvla",
        "-Wstrict-prototypes",
        "-Wmissing-prototypes",
        "-Werror",
        f"-I{ROOT}/include",
        "-fsyntax-only",
    ]
    sources = sorted(map(str, HERE.glob("*.c")))
    missing = []
    for compiler in ("gcc", "clang"):
        if not shutil.which(compiler):
            missing.append(compiler)
            continue
        run = subprocess.run([compiler, *flags, *sources], capture_output=True, text=True, timeout=LIMIT)
        equal((run.returncode, run.stderr), (0, ""), compiler)
    if missing:
        raise Skipped(f"{' and '.join(missing)} not installed; the others accept it")


@case
def the_source_uses_the_public_header_alone_and_no_line_is_long():
    for source in sorted([*HERE.glob("*.c"), *HERE.glob("*.h"), *HERE.glob("tests/*.py"), HERE / "check"]):
        text = source.read_text()
        equal([line for line in text.splitlines() if len(line) > 120], [], source.name)
        for included in re.findall(r'^#include "(.*)"', text, re.M):
            equal((HERE / included).exists(), True, source.name, included)


@case
def valgrind_finds_nothing():
    need("valgrind")
    valgrind = [
        "valgrind",
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--show-leak-kinds=definite",
        "--errors-for-leak-kinds=definite",
        "--child-silent-after-fork=yes",
        str(PROGRAM),
    ]
    script = [
        "--config",
        json.dumps(
            {
                "transport": {
                    "replies": ["Yes.", REASONING, {"error": {"status": 400, "message": "No."}}],
                    "repeat": True,
                }
            }
        ),
    ]
    with Home() as home, Bedrock() as bedrock:
        home.with_keys(bedrock)
        image = home.file("a.png", PNG)
        talk = "One.\nTwo.\n/retry\nThree.\n/undo\n/image a.png\n/system Be brief.\n/clear\nFour.\n"
        talk += "/save copy.json\n/model m.n\n/trim x\n"
        for arguments, input, status in (
            (
                ["ask", *script, "-u", "-c", "talk.json", "-i", image, "-s", "Hi", "--stop", "x", "-n", "5", "Hi"],
                b"material",
                0,
            ),
            (["chat", *script, "-c", "chat.json", "--reasoning"], talk.encode(), 1),
            (
                ["call", "ConverseStream", *script, "--json", '{"messages": [{"role": "user", "content": "Hi"}]}'],
                None,
                0,
            ),
            (["ask", "--no-such-option"], None, 2),
            (["doctor", "--send", "--json"], None, 1),
        ):
            run = subprocess.run(
                [*valgrind, *arguments],
                input=input,
                stdin=None if input else subprocess.DEVNULL,
                cwd=home.path,
                capture_output=True,
                env=home.environment,
                timeout=5 * LIMIT,
            )
            equal(run.returncode, status, arguments, run.stderr.decode(), run.stdout.decode())
