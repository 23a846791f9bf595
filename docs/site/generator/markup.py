"""Plain text of api.json and of comments, as MyST."""

import re

# A name that belongs into code: with an underscore, with a star or brackets, or with dots behind a prefix.
CODE = re.compile(
    r"""(?<![\w"@/.])(
        [a-z]\w*::~?\w+(?:\(\))?
      | \*[a-z]\w*
      | (?:bedrock|BEDROCK)_\w+(?:\.\.\.)?
      | [A-Za-z]\w*_\w+(?:\(\w*\))?
      | [A-Z]{2,}[A-Z0-9]*_[A-Z0-9_]+(?:\.\.\.)?
      | \w+\(\w*\)
    )(?!\w)""",
    re.VERBOSE,
)


def escaped(text):
    return re.sub(r"([\\`*_{}\[\]<>#|$~^!])", r"\\\1", text)


def inline(text):
    """A text, with its names as code."""
    out, at = [], 0
    for match in CODE.finditer(text):
        out += [escaped(text[at : match.start()]), f"`{match[1]}`"]
        at = match.end()
    out.append(escaped(text[at:]))
    joined = "".join(out)
    # A paragraph must not begin like a list.
    return re.sub(r"^([-+]|\d+[.)])(\s)", r"\\\1\2", joined)


def blocks(text, language="c"):
    """The blocks of a text of api.json."""
    out = []
    for block in text or []:
        if "paragraph" in block:
            out.append(inline(block["paragraph"]))
        elif "code" in block:
            out.append(f"```{language}\n{block['code']}\n```")
        elif "list" in block:
            out.append("\n".join(f"- {inline(item)}" for item in block["list"]))
        else:
            lines = [f"{inline(row['term'])}\n: {inline(row['text'])}" for row in block["table"]]
            out.append("\n\n".join(lines))
    return "\n\n".join(out)


def indented(text, by="    "):
    return "\n".join(by + line if line else "" for line in text.splitlines())
