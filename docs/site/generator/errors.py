"""The pages about errors: by status and by message, from api.json, the README and the bindings."""

import re

from .markup import blocks
from .readme import ROOT, Missing, linked, rows


def statuses(api):
    group = next(group for group in api["constants"] if group["type"] == "bedrock_status")
    return group["constants"]


def anchor(status):
    return status.lower().replace("_", "-")


def names():
    """What each status is called in each language, by its name in C."""
    found = {"cpp": {}, "go": {}, "python": {}}
    header = (ROOT / "include/bedrock.hpp").read_text(encoding="utf-8")
    for ours, theirs in re.findall(r"^    (\w+) = (BEDROCK_E_\w+),", header, re.MULTILINE):
        found["cpp"][theirs] = f"bedrock::status::{ours}"
    source = (ROOT / "bindings/go/status.go").read_text(encoding="utf-8")
    for name, number in re.findall(r"^\s+(Err\w+) +Status = (-\d+)$", source, re.MULTILINE):
        found["go"][number] = f"bedrock.{name}"
    source = (ROOT / "bindings/python/src/libbedrock/_errors.py").read_text(encoding="utf-8")
    for name, status in re.findall(r"^class (\w+)\(.*?^    status = Status\.(\w+)", source, re.MULTILINE | re.DOTALL):
        found["python"][f"BEDROCK_E_{status}"] = name
    return found


def messages(readme):
    """The usual messages of the README: title, statuses, the message, what to do."""
    for title in readme.parts_of("Troubleshooting"):
        text = readme.take("Troubleshooting", title)
        first, rest = text.split("\n", 1)
        quoted = [line[1:].strip() for line in rest.splitlines() if line.startswith(">")]
        remedy = "\n".join(line for line in rest.splitlines() if not line.startswith(">")).strip()
        found = re.findall(r"`(BEDROCK_E_\w+)`", first)
        if not found or not quoted:
            raise Missing(f"README.md: {title} of Troubleshooting names no status, or shows no message")
        yield title, found, " ".join(quoted), remedy


def advice(readme):
    """What to do about each status, by its name."""
    out = {}
    for names_, text in rows(readme.take("Errors")[readme.take("Errors").index("| status |") :]):
        for name in re.findall(r"`(E_\w+)`", names_):
            out[f"BEDROCK_{name}"] = text
    return out


def slug(title):
    return "message-" + re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def pages(api, readme):
    known = list(messages(readme))
    todo = advice(readme)
    called = names()
    yield "errors/messages.md", by_message(known, linked(readme.take("Troubleshooting")))
    yield "errors/statuses.md", by_status(api, known, todo, called)


def by_message(known, introduction):
    parts = [
        "# Errors by their message\n",
        introduction + "\n",
        "The words in capitals and the numbers differ in your message. The beginning states what was being done; the end, what to do.\n",
        '```{raw} html\n<div class="message-search" hidden><label for="message">Paste your message</label>'
        '<input id="message" type="search" placeholder="bedrock: Converse with ...: ThrottlingException ..." autocomplete="off" '
        'spellcheck="false"><output for="message"></output></div>\n```\n',
    ]
    for title, found, message, remedy in known:
        links = ", ".join(f"[`{status}`](statuses.md#{anchor(status)})" for status in found)
        parts.append(
            f"({slug(title)})=\n## {title}\n\n:::{{div}} error-message\n{shown(message)}\n:::\n\n{linked(remedy)}\n\n"
            f":::{{div}} error-status\n{links}\n:::\n"
        )
    return "\n".join(parts)


def shown(message):
    return re.sub(r"([\\`*_{}\[\]<>#|$~^])", r"\\\1", message)


def by_status(api, known, todo, called):
    all_statuses = statuses(api)
    parts = [
        "# Errors by their status\n",
        "A function that can fail returns a status. A value below 0 is a failure. In C++ and Python a failure is an exception, and in "
        "Go an `error`; each has the status in it.\n",
        "| status | what to do |\n|---|---|",
    ]
    failures = [status for status in all_statuses if status["value"] < 0]
    for status in failures:
        name = status["name"]
        if name not in todo:
            raise Missing(f"README.md: the table of Errors does not state what to do about {name}")
        parts.append(f"| [`{name.removeprefix('BEDROCK_')}`](#{anchor(name)}) | {linked(todo[name])} |")
    parts.append("")
    parts.append("## Values that are no failures\n")
    for status in all_statuses:
        if status["value"] >= 0:
            parts.append(f"`{status['name']}` = {status['value']}\n: {blocks(status['text'])}\n")
    parts.append("## Failures\n")
    for status in failures:
        name = status["name"]
        languages = {
            "C": name,
            "C++": called["cpp"].get(name),
            "Go": called["go"].get(str(status["value"])),
            "Python": called["python"].get(name),
        }
        missing = [language for language, word in languages.items() if not word]
        if missing:
            raise Missing(f"{name} has no name in {', '.join(missing)}")
        table = "\n".join(f"| {language} | `{word}` |" for language, word in languages.items())
        parts += [
            f"({anchor(name)})=\n### {name.replace('_', chr(92) + '_')}\n",
            blocks(status["text"]) + "\n",
            f"**What to do:** {linked(todo[name])}.\n",
            f"| language | {name.removeprefix('BEDROCK_E_').lower().replace('_', ' ')} (`{status['value']}`) |\n|---|---|\n{table}\n",
        ]
        usual = [f"[{title}](messages.md#{slug(title)})" for title, found, _, _ in known if name in found]
        if usual:
            parts.append(f"Usual messages: {', '.join(usual)}\n")
        named = [
            f"`{function['name']}`"
            for function in api["functions"]
            if name in " ".join([function["returns"].get("text", ""), function.get("threads") or ""])
        ]
        if named:
            parts.append(f"Described at: {', '.join(named)}\n")
    return "\n".join(parts)
