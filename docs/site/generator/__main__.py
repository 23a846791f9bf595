"""Writes the site's sources to a folder: the pages of docs/site, and those that are generated."""

import json
import re
import shutil
import sys
from pathlib import Path

from . import c, cpp, errors, go
from .readme import ROOT, Missing, Readme, headings, linked, rows, slug

SITE = ROOT / "docs/site"
# Chapters of the README that are of no use on the site: it has pages of its own for them.
ELSEWHERE = {"", "Two commands", "Contents", "Examples", "License"}


def quoted(value):
    """A value for single quotes."""
    return value.replace("`", "").replace("'", "''")


def keys(readme):
    """The table of the keys, as entries that can be found and linked."""
    text = readme.take("Configuration")
    for key, kind, default, meaning in rows(text[text.index("| key |") :]):
        options = "".join(f":{name}: '{quoted(value)}'\n" for name, value in (("type", kind), ("default", default)))
        yield f"::::{{confval}} {key.strip('`')}\n{options}\n{linked(meaning)}\n::::\n"


def python_errors():
    """The exceptions of the package, in the order of its source."""
    source = (ROOT / "bindings/python/src/libbedrock/_errors.py").read_text(encoding="utf-8")
    for name in re.findall(r"^class (\w+)\((?!Exception)", source, re.MULTILINE):
        yield f"```{{eval-rst}}\n.. autoexception:: {name}\n   :no-members:\n   :show-inheritance:\n```\n"


def python_constants(api):
    """The enumerations of the package: their members are the constants of the C API."""
    classes = {"BEDROCK_": "Status", "BEDROCK_EVENT_": "EventType", "BEDROCK_TOOL_CALL_": "ToolCallKind"}
    for group in api["constants"]:
        if group["prefix"] in classes:
            rows_ = [
                f"| `{constant['name'].removeprefix(group['prefix']).removeprefix('E_')}` | `{constant['name']}` |"
                for constant in group["constants"]
            ]
            name = classes[group["prefix"]]
            yield f"```{{eval-rst}}\n.. py:class:: {name}\n```\n\n| `{name}` | in C |\n|---|---|\n" + "\n".join(rows_) + "\n"


def filled(text, readme, api, page=None, chapters=None):
    """A page, with what it takes from the README: "% readme: CHAPTER [/ PART] [as sections]"."""

    def taken(match):
        what, sections = re.fullmatch(r"(.*?)( as sections)?", match[1]).groups()
        if what == "keys":
            return "\n".join(keys(readme))
        chapter, _, part = what.partition(" / ")
        got = readme.take(chapter, part)
        if chapters is not None and not part:
            chapters[chapter] = page
        # What a part of it has elsewhere: the table of keys is a list of entries here.
        if chapter == "Configuration" and not part:
            got = got[: got.index("| key |")] + got[got.rindex("|\n") + 2 :]
        if sections:
            got = headings(got, 2)
        return linked(got)

    text = text.replace("% python: errors", "\n".join(python_errors()))
    text = text.replace("% python: constants", "\n".join(python_constants(api)))
    return re.sub(r"^% readme: (.*)$", taken, text, flags=re.MULTILINE)


def how(readme):
    """Short answers, from the README."""
    parts = ["# How do I ...?\n", linked(readme.take("How do I ...?")) + "\n"]
    for question in readme.parts_of("How do I ...?"):
        parts.append(f"## ... {question.rstrip('?')}?\n\n{linked(readme.take('How do I ...?', question))}\n")
    return "\n".join(parts)


def examples(readme):
    """A page for each example of examples-c, with its twin in C++."""
    folders = {"c": ("C", "c", "examples-c", "c"), "cpp": ("C++", "cpp", "examples-cpp", "cc")}
    ideas = {re.search(r"(\d\d_\w+)\.c", link)[1]: idea for link, idea in rows(readme.take("Examples"))}
    for file in sorted((ROOT / "examples-cpp").glob("[0-9]*.cc")):
        first = re.match(r"(?://|/\*) \S+ - (.*?)\.?(?: \*/)?$", file.read_text(encoding="utf-8").splitlines()[0])
        ideas.setdefault(file.stem, first[1] if first else file.stem)
    names = sorted(ideas.items())
    for name, idea in names:
        tabs = []
        for key, (title, lexer, folder, suffix) in folders.items():
            if (ROOT / folder / f"{name}.{suffix}").exists():
                code = f"```{{example}} {folder}/{name}.{suffix}\n:language: {lexer}\n```\n"
                tabs.append(f":::{{tab-item}} {title}\n:sync: {key}\n\n{code}:::\n")
        shown = "::::{tab-set}\n:sync-group: language\n\n" + "\n".join(tabs) + "::::\n"
        yield f"guide/examples/{name}.md", f"# {name}\n\n{idea[:1].upper()}{idea[1:]}.\n\n{shown}"
    lines = "\n".join(f"[{name}]({name}.md)\n: {idea}\n" for name, idea in names)
    toctree = "\n".join(name for name, _ in names)
    yield (
        "guide/examples/index.md",
        f"# Examples\n\nEach example is one idea, in C and in C++. `make -C examples-c check` compiles and runs those in C, and `make -C examples-cpp check` those in C++.\n\n{lines}\n"
        f"If an example finds AWS credentials, in the environment or in `~/.aws`, it calls the real service. Otherwise it runs a script, "
        f"and prints which of the two it is. [A header](header.md) that the examples share makes that choice.\n\n"
        f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{toctree}\nheader\n```\n",
    )
    yield (
        "guide/examples/header.md",
        "# What the examples share\n\nA program of yours needs none of it.\n\n"
        "## example.h\n\n```{example} examples-c/example.h\n:language: c\n```\n\n"
        "## example.hpp\n\n```{example} examples-cpp/example.hpp\n:language: cpp\n```\n",
    )


def others(readme, pages, chapters):
    """Nothing of the README is lost: what no page takes is added to the page of its chapter, or is a page of its own."""
    added = {}
    for chapter, part in readme.left():
        if chapter in ELSEWHERE:
            continue
        name = chapters.get(chapter, f"guide/{slug(chapter.replace('C++', 'cpp'))}.md")
        text = added.get(name) or pages.get(name) or f"# {chapter}\n"
        heading = f"\n## {part}\n" if part else ""
        added[name] = f"{text}{heading}\n{linked(readme.take(chapter, part))}\n"
    new = [name.removeprefix("guide/").removesuffix(".md") for name in added if name not in pages]
    added["guide/index.md"] = pages["guide/index.md"].replace("% more", "\n".join(new))
    listed = ", ".join(f"{{doc}}`{name}`" for name in new)
    added["guide/index.md"] = added["guide/index.md"].replace("% languages", f"\n\nBy language and tool\n: {listed}\n" if new else "")
    return added


def dialects():
    text = (ROOT / "docs/dialects.md").read_text(encoding="utf-8")
    yield "guide/dialects.md", linked(text)


def main(target):
    shutil.rmtree(target, ignore_errors=True)
    readme = Readme()
    api = json.loads((ROOT / "bindings/ffi/api.json").read_text(encoding="utf-8"))
    pages, chapters = {}, {}
    for page in [SITE / "index.md", *SITE.glob("*/**/*.md")]:
        name = str(page.relative_to(SITE))
        pages[name] = filled(page.read_text(encoding="utf-8"), readme, api, name, chapters)
    for generated in (
        c.pages(api),
        cpp.pages((ROOT / "include/bedrock.hpp").read_text(encoding="utf-8")),
        go.pages(ROOT / "bindings/go"),
        errors.pages(api, readme),
        examples(readme),
        dialects(),
        [("guide/how.md", how(readme))],
    ):
        pages.update(generated)
    pages.update(others(readme, pages, chapters))
    for name, text in pages.items():
        file = Path(target) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for image in SITE.glob("inside/*.svg"):
        shutil.copy(image, Path(target) / "inside")
    print(f"{len(pages)} pages")


try:
    main(Path(sys.argv[1]))
except Missing as missing:
    sys.exit(f"docs/site: {missing}")
