"""The reference of C++: the classes and functions of include/bedrock.hpp, with its comments.

The header is regular: a comment stands above what it describes, and what is private or in `detail` is not for programs. A
declaration is shown as it is meant to be called: without the templates that make err and options optional.
"""

import re

from .markup import inline

# Iterators and ranges: a program does not name them.
INTRODUCTION = """The reference of `bedrock.hpp`: one header for C++17 and newer, in the namespace `bedrock`. It is shown here
without the templates that make the last parameters optional. `error *err = throws{}` means: leave it out, and a failure is thrown; or
pass the address of an error.
"""
HIDDEN = {"event_iterator", "text_iterator", "text_range", "sentinel", "throws", "keep"}


def pages(header):
    introduction = []
    for line in header.splitlines():
        if not line.startswith("//"):
            break
        introduction.append(line[3:])
    text = [f"# C++\n\n{INTRODUCTION}", prose(introduction[2:], 2), ""]
    for title, entries in parsed(header):
        if entries:
            text += [f"## {title}\n", *(entry_text(entry) for entry in entries)]
    yield "reference/cpp.md", "\n".join(text)


def prose(lines, level):
    """A comment as text: paragraphs, code that is indented by two, lists, and capitals as headings."""
    out, code, paragraph = [], [], []

    def flush():
        if paragraph:
            out.append(inline(" ".join(paragraph)) + "\n")
            paragraph.clear()
        while code and not code[-1]:
            code.pop()
        if code:
            out.append("```cpp\n" + "\n".join(code) + "\n```\n")
            code.clear()

    for line in lines:
        topic = re.match(r"([A-Z][\w ]+)\. (.*)", line)
        if code and (line.startswith("  ") or not line):
            code.append(line[2:])
        elif line.startswith("  - "):
            flush()
            out.append("- " + inline(line[4:]))
        elif line.startswith("    ") and out and out[-1].startswith("- ") and not paragraph:
            out[-1] += " " + inline(line.strip())
        elif re.match(r"  \S", line) and not paragraph:
            code.append(line[2:])
        elif line.isupper():
            flush()
        elif not line:
            flush()
            if out and out[-1].startswith("- "):
                out.append("")
        elif topic and not paragraph and level:
            flush()
            out.append(f"{'#' * level} {topic[1]}\n")
            paragraph.append(topic[2])
        else:
            paragraph.append(line.strip())
    flush()
    return "\n".join(out)


def parsed(header):
    """Sections with their entries: (kind, signature, comment, members)."""
    lines = header[header.index("namespace bedrock {") :].splitlines()[1:]
    title, entries = "Constants", []
    comment, at = [], 0
    while at < len(lines):
        line = lines[at]
        section = re.match(r"// ---- (.*?) -+$", line)
        if section:
            yield title, entries
            title, entries, comment = section[1].rstrip("."), [], []
            at += 1
        elif line.startswith("namespace detail {"):
            at = skipped(lines, at)
            comment = []
        elif line.startswith("//"):
            comment.append(line[3:])
            at += 1
        elif not line.strip():
            comment = []
            at += 1
        elif line.startswith(("#", "}")):
            at += 1
        else:
            head, body, at = declaration(lines, at)
            entry = made(head, body, comment)
            if entry:
                entries.append(entry)
            comment = []
    yield title, entries


def skipped(lines, at):
    depth = 0
    while True:
        depth += lines[at].count("{") - lines[at].count("}")
        at += 1
        if depth == 0:
            return at


def declaration(lines, at):
    """The head of a declaration, the lines between its braces, and the line after it."""
    head = []
    while at < len(lines):
        line = re.sub(r"\s+//.*", "", lines[at])
        plain = re.sub(r'"(\\.|[^"])*"|\'(\\.|[^\'])\'|= \{\}|\{\}(?=[,)])', lambda m: m[0].replace("{", "(").replace("}", ")"), line)
        at += 1
        if "{" in plain:
            head.append(line[: plain.index("{")])
            depth = plain.count("{") - plain.count("}")
            start = at
            while depth:
                code = re.sub(r'"(\\.|[^"])*"|\'(\\.|[^\'])\'', "", re.sub(r"//.*", "", lines[at]))
                depth += code.count("{") - code.count("}")
                at += 1
            inside = [plain[plain.index("{") + 1 : plain.rindex("}")]] if start == at else lines[start : at - 1]
            return " ".join(part.strip() for part in head), inside, at
        head.append(line)
        if plain.rstrip().endswith(";"):
            return " ".join(part.strip() for part in head).rstrip(";"), None, at
    raise ValueError("bedrock.hpp ends within a declaration")


def made(head, body, comment):
    head = re.sub(r"\s+", " ", head).strip()
    if re.search(r"class (%s|json_view::iterator)\b" % "|".join(HIDDEN), head):
        return None
    kind = re.match(r"(?:template <[^>]*> )?(enum class|class|struct) (\w+)(?: : (\w[\w:]*))?", head)
    if kind:
        if body is None or kind[2] in HIDDEN:
            return None
        if kind[1] == "enum class":
            return ("enum-class", f"{kind[2]} : {head.split(' : ')[1]}", comment, enumerators(body))
        template = head[: head.index("> ") + 2].replace("template <", "template<") if head.startswith("template") else ""
        base = re.search(r": public (std::\w+|reader<\w+, \w+>)", head)
        return ("class", f"{template}{kind[2]}" + (f" : public {base[1]}" if base else ""), comment, members(body, kind[1]))
    alias = re.match(r"using (\w+) = (.*)", head)
    if alias:
        return ("type", f"{alias[1]} = {alias[2]}", comment, [])
    if "::" in head.split("(")[0].split(" ")[-1]:  # a definition of a member
        return None
    return ("function", signature(head), comment, [])


def enumerators(body):
    out = []
    for line in body:
        found = re.match(r"\s*(\w+) = (\w+),", line)
        if found:
            out.append((found[1], found[2]))
    return out


def members(body, kind):
    out, comment, at, public = [], [], 0, kind == "struct"
    while at < len(body):
        line = body[at].strip()
        if line in ("public:", "private:", "protected:"):
            public = line == "public:"
            comment, at = [], at + 1
        elif line.startswith("//"):
            comment.append(line[3:])
            at += 1
        elif not line or line.startswith("#"):
            comment, at = [], at + 1
        elif line.startswith(("friend ", "using ")) or not public:
            _, _, at = declaration(body, at)
            comment = []
        else:
            head, inner, at = declaration(body, at)
            head = re.sub(r"\s+", " ", head).strip()
            if re.search(r"\) &&|const &&|= delete|= default|\boperator=|\boperator\+\+|&&\s*other\)|~\w+\(", head):
                comment = []
                continue
            if re.match(r"(class|struct) \w+$", head):
                if inner is not None:
                    comment = []
                continue
            if "(" in head:
                out.append(("function", signature(head), comment, []))
            else:
                out.append(("member", re.sub(r" = .*", "", head), comment, []))
            comment = []
    return out


def signature(head):
    """A declaration as it is called."""
    head = re.sub(r"^template <.*?> (?=(?:\[\[|explicit|inline|static|const|bedrock|[\w:]+(?:<[^>]*>)?[ &*(]))", "", head)
    head = re.sub(r"\[\[\w+\]\] ", "", head)
    head = re.sub(r"\b(inline|static|virtual|explicit) ", "", head)
    head = re.sub(r" noexcept(\(detail::quiet<[^>]*>\))?", "", head)
    head = re.sub(r"\) (const )?(?:&+ )?: \w+\(.*$", lambda m: ")" + (" const" if m[1] else ""), head)
    head = re.sub(r" : \w+_?\(.*$", "", head)
    head = head.replace("E err = {}", "error *err = throws{}")
    head = head.replace("const Options &...options", "options...").replace(" override", "")
    head = re.sub(r"\) const &(noexcept)?$", ") const", head)
    head = re.sub(r"\) &+(noexcept)?$", ")", head)
    return re.sub(r"\s+", " ", head).strip()


def cleaned(sign):
    """What the parser of Sphinx needs: a parameter pack has a type."""
    return sign.replace("options...", "const Options &...options")


def entry_text(entry, colons=5):
    kind, sign, comment, inner = entry
    fence = ":" * colons
    body = prose(comment, 0)
    owned = re.match(r"\w+\(bedrock_(\w+) \*owned\)", sign)
    if not comment and owned:
        body = "Takes over a handle of `bedrock.h`, which is then owned by this object."
    if kind == "enum-class":
        values = [f"| `{ours}` | `{theirs}` |" for ours, theirs in inner]
        table = "\n".join(["| value | in C |", "|---|---|", *values])
        return f"{fence}{{cpp:enum-class}} {sign}\n\n{body}\n\n{table}\n{fence}\n"
    text = "\n".join(entry_text(member, colons - 1) for member in inner)
    return f"{fence}{{cpp:{kind}}} {cleaned(sign)}\n\n{body}\n\n{text}\n{fence}\n"
