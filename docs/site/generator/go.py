"""The reference of Go: what `go doc -all` prints, with headings."""

import re
import shutil
import subprocess

from .markup import escaped, inline


def pages(folder):
    """The page, or one that states why there is none."""
    if not shutil.which("go"):
        print("skipped: the reference of Go: go is missing")
        text = "This copy of the site was built without Go. `go doc -all github.com/libbedrock/libbedrock/bindings/go` prints the reference."
    else:
        done = subprocess.run(["go", "doc", "-all", "."], cwd=folder, capture_output=True, text=True, encoding="utf-8", check=True)
        text = page(done.stdout)
    yield "reference/go.md", f"# Go\n\n{text}"


def page(text):
    package, rest = text.split("\nCONSTANTS\n", 1)
    package = package.split("\n\n", 1)[1]
    parts = ["```go\nimport bedrock \"github.com/libbedrock/libbedrock/bindings/go\"\n```\n", prose(package.splitlines())]
    constants, rest = rest.split("\nFUNCTIONS\n", 1)
    functions, types = rest.split("\nTYPES\n", 1)
    parts += ["## Constants\n", entries(constants, 3), "## Functions\n", entries(functions, 3), "## Types\n", entries(types, 3)]
    return "\n".join(parts)


def prose(lines):
    """A comment: paragraphs, code that is indented, and headings."""
    out, paragraph, code = [], [], []

    def flush():
        if paragraph:
            out.append(inline(" ".join(paragraph)) + "\n")
            paragraph.clear()
        while code and not code[-1].strip():
            code.pop()
        if code:
            out.append("```go\n" + "\n".join(line.replace("\t", "    ") for line in code) + "\n```\n")
            code.clear()

    for line in lines:
        if line.startswith("# "):
            flush()
            out.append(f"## {line[2:]}\n")
        elif line.startswith("    ") or (code and not line):
            if paragraph:
                flush()
            code.append(line[4:])
        elif not line:
            flush()
        else:
            if code:
                flush()
            paragraph.append(line)
    flush()
    return "\n".join(out)


def entries(text, level):
    """Declarations, each with the comment that is indented below it."""
    out, block, comment = [], [], []

    def flush():
        if block:
            code = "\n".join(block).rstrip()
            name = heading(code)
            if name:
                out.append(f"{'#' * (level + (name.startswith('(')))} {escaped(name)}\n")
            out.append("```go\n" + code.replace("\t", "    ") + "\n```\n")
            out.append(prose([line[4:] if line.startswith("    ") else line for line in comment]))
        block.clear()
        comment.clear()

    inside = False  # of braces
    for line in text.splitlines():
        if inside or re.match(r"(func|type|const|var)\b", line):
            if not inside:
                flush()
            block.append(line)
            inside = (inside or line.endswith(("{", "("))) and line not in ("}", ")")
        elif block:
            comment.append(line)
    flush()
    return "\n".join(out)


def heading(code):
    """The name of a function, method or type. Constants of a type stay below it."""
    method = re.match(r"func \(\w+ \*?(\w+)\) (\w+)", code)
    if method:
        return f"({method[1]}) {method[2]}"
    named = re.match(r"(?:func|type|const) (\w+)", code)
    return named[1] if named else ""
