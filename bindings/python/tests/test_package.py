"""The package itself."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import libbedrock
import pytest
from conftest import PACKAGE

HERE = Path(__file__).resolve().parent


def test_the_declarations_are_those_of_the_header():
    done = subprocess.run([sys.executable, HERE.parent / "generate", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_structs_have_the_size_that_the_library_uses(scripted):
    import ctypes

    from libbedrock import _abi

    stream = scripted("x").stream("x")
    next(stream)
    event = _abi.bedrock_event.from_address(stream._event.value)
    assert event.size == ctypes.sizeof(_abi.bedrock_event)
    stream.close()


def imported(program):
    """The modules that a program imports beyond those of an empty one."""
    count = "import sys; before = set(sys.modules)\n"
    text = f"{count}{program}\nprint(*sorted(set(sys.modules) - before))"
    environment = {**os.environ, "PYTHONPATH": os.fspath(PACKAGE)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", text], env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_slow():
    ctypes_and_enum = imported("import ctypes, enum")
    more = {name for name in imported("import libbedrock") - ctypes_and_enum if not name.startswith("libbedrock")}
    assert more <= {"__future__", "_thread", "select", "time"}, more


def test_a_loop_over_a_stream_imports_neither_asyncio_nor_trio():
    model = 'libbedrock.Model.from_config(\'{"model": "m", "transport": {"replies": ["x"]}}\')'
    names = imported(f"import libbedrock\nlist({model}.stream('x'))")
    assert not names & {"asyncio", "trio", "libbedrock._asyncio", "libbedrock._trio", "typing", "json"}


def test_asyncio_does_not_import_trio():
    names = imported(
        "import libbedrock, asyncio\n"
        "model = libbedrock.Model('m', transport={'replies': [{'text': 'x', 'pace': '60s'}]})\n"
        "async def main():\n"
        "    call = asyncio.ensure_future(model.agenerate('x'))\n"
        "    await asyncio.sleep(0)\n"
        "    call.cancel()\n"
        "    await asyncio.wait([call])\n"
        "asyncio.run(main())"
    )
    assert "libbedrock._asyncio" in names and not names & {"trio", "libbedrock._trio", "sniffio"}


@pytest.mark.parametrize("library, hint", [("/nonexistent.so", "LIBBEDROCK"), ("libm.so.6", "another version")])
def test_without_the_library_the_import_says_what_to_do(library, hint):
    environment = {**os.environ, "PYTHONPATH": os.fspath(PACKAGE), "LIBBEDROCK": library}
    done = subprocess.run([sys.executable, "-c", "import libbedrock"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: libbedrock:") and hint in last


def test_everything_that_is_public_has_a_comment():
    for name in libbedrock.__all__:
        public = getattr(libbedrock, name)
        assert public.__doc__, name
        for member, value in vars(public).items() if isinstance(public, type) else []:
            if not member.startswith("_") and (callable(value) or isinstance(value, (property, classmethod))):
                assert getattr(value, "__doc__", None), f"{name}.{member}"


def test_no_public_signature_has_any():
    for file in PACKAGE.glob("libbedrock/*.py"):
        if file.name != "_abi.py":
            names = [
                node
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, ast.Name) and node.id == "Any"
            ]
            assert names == [], f"{file}:{names[0].lineno}"


def test_every_function_of_the_library_is_used():
    """A capability of the header that Python lacks is left out on purpose, and is named here."""
    source = "".join(file.read_text() for file in PACKAGE.glob("libbedrock/*.py") if file.name != "_abi.py")
    from libbedrock import _abi

    assert set(_abi.PROTOTYPES) - set(re.findall(r"\bbedrock_\w+", source)) == {
        "bedrock_generate",  # call_open, so that Ctrl-C and event loops work
        "bedrock_generate_stream",  # it calls back
        "bedrock_call",
        "bedrock_run_tools",  # Run calls the tools
        "bedrock_run_set_wakeup",
        "bedrock_stream_set_wakeup",  # it calls back, on a thread that Python does not know
        "bedrock_set_log",
        "bedrock_set_observer",
        "bedrock_utf8_length",
        "bedrock_response_tool_call_count",
    }


if sys.implementation.name == "cpython" and sys.version_info >= (3, 12):

    def test_a_subinterpreter_reads_a_stream(python):
        ended = python(
            """
            import sys
            try:
                import _xxsubinterpreters as interpreters
            except ImportError:
                import _interpreters as interpreters
            program = '''
            import libbedrock
            model = libbedrock.Model("m", transport={"replies": ["one two"]})
            with model.stream("x") as stream:
                assert list(stream.text) == ["one ", "two"]
            '''
            import textwrap
            if sys.version_info < (3, 13):
                interpreter = interpreters.create(isolated=False)
            else:
                interpreter = interpreters.create("legacy")
            # 3.12 raises the failure of the program, 3.13 and newer return it.
            failure = interpreters.run_string(interpreter, textwrap.dedent(program))
            assert failure is None, failure
            interpreters.destroy(interpreter)
            """,
            flags=(),
        )
        assert (ended.code, ended.err) == (0, ""), ended
