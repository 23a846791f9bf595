"""The README in parts, so that each fact is written once: pages of the guide take chapters and paragraphs from it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
REPOSITORY = "https://github.com/libbedrock/libbedrock/blob/main/"

# Where the site has what an anchor of the README names.
PAGES = {
    "c": "/guide/cpp.md",
    "the-command": "/guide/command.md",
    "two-commands": "/start/install.md",
    "examples": "/guide/examples/index.md",
    "install-and-link": "/guide/linking.md",
    "configuration": "/guide/configuration.md",
    "requests": "/guide/requests.md",
    "responses": "/guide/responses.md",
    "streams-by-pull": "/guide/streams.md",
    "other-operations": "/guide/operations.md",
    "errors": "/guide/errors.md",
    "ownership-and-threads": "/guide/ownership.md",
    "what-it-does-to-your-process": "/guide/process.md",
    "test-your-program-without-aws": "/guide/testing.md",
    "record-and-replay": "/guide/testing.md#record-and-replay",
    "how-do-i-": "/guide/how.md",
    "troubleshooting": "/errors/messages.md",
    "model-ids": "/guide/models.md",
    "a-real-model-on-your-own-machine": "/guide/testing.md#a-real-model-on-your-own-machine",
    "performance": "/inside/performance.md",
    "not-there-yet": "/inside/index.md",
}
FILES = {
    "include/bedrock.h": "/reference/c/index.md",
    "docs/dialects.md": "/guide/dialects.md",
    "examples-cpp": "/guide/examples/index.md",
    "dialects.md": "/guide/dialects.md",
}


class Missing(Exception):
    pass


def linked(text):
    """Links of the README, as links of the site or to the repository."""

    def target(match):
        where = match[1]
        example = re.fullmatch(r"examples-c(?:pp)?/(\d\d_\w+)\.cc?", where)
        if where.startswith("#"):
            return f"]({PAGES.get(where[1:]) or f'/guide/{where[1:]}.md'})"
        if example:
            return f"](/guide/examples/{example[1]}.md)"
        if ":" in where.split("/")[0]:
            return match[0]
        if where in FILES:
            return f"]({FILES[where]})"
        if not (ROOT / where.split("#")[0]).exists():
            raise Missing(f"{where} is linked, but does not exist")
        return f"]({REPOSITORY}{where})"

    return re.sub(r"\]\(([^)\s]+)\)", target, text)


class Readme:
    """Chapters (##), and their parts: a heading (###), or a paragraph that begins with **Words.**"""

    def __init__(self, file="README.md"):
        self.file = file
        text = re.sub(r"<!--.*?-->\n?", "", (ROOT / file).read_text(encoding="utf-8"), flags=re.DOTALL)
        self.parts = {}
        self.used = set()
        chapter, part, fenced = "", "", False
        for line in text.splitlines():
            fenced ^= line.startswith("```")
            heading = None if fenced else re.match(r"(##|###) (.*)", line)
            lead = None if fenced else re.match(r"\*\*(?:\.\.\. )?([^*]+?)([.?:]?)\*\*(.*)", line)
            if heading and heading[1] == "##":
                chapter, part = heading[2], ""
                line = ""
            elif heading:
                part, line = heading[2], ""
            elif lead:
                # Words without a full stop begin the sentence, so they stay in it.
                part, line = lead[1], lead[3].strip() if lead[2] else lead[1] + lead[3]
            self.parts.setdefault((chapter, part), []).append(line)

    def take(self, chapter, part=""):
        """The text of a part, or of the beginning of a chapter."""
        if (chapter, part) not in self.parts:
            raise Missing(f"{self.file} has no part {chapter!r} / {part!r}")
        self.used.add((chapter, part))
        return "\n".join(self.parts[chapter, part]).strip("\n")

    def parts_of(self, chapter):
        return [part for other, part in self.parts if other == chapter and part]

    def left(self):
        """Chapters and parts that no page has taken."""
        return [place for place, lines in self.parts.items() if place not in self.used and "".join(lines).strip()]


def slug(title):
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def rows(text):
    """The rows of the first table of a text, as lists of cells."""
    found = []
    for line in text.splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                found.append(cells)
        elif found:
            break
    return found[1:]


def headings(text, level):
    """A list whose points begin with **Words.**, as sections. Other text stays."""
    out = []
    for line in text.splitlines():
        point = re.match(r"- \*\*([^*]+?)\.?\*\*\s*(.*)", line)
        if point:
            out += ["", "#" * level + " " + point[1], "", point[2]]
        else:
            out.append(line[2:] if line.startswith("  ") else line)
    return "\n".join(out)
