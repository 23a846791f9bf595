"""The reference of the C API: a page for each chapter of the header, from bindings/ffi/api.json."""

from .markup import blocks, inline

# What the rules of the header say of a parameter, for those that a function does not describe.
COMMON = {
    "err": "receives the error if the function fails",
    "out": "receives the result",
    "len": "the length",
    "size": "the size of the struct or buffer",
    "cancel": "ends the call when it is fired",
    "timeout_ms": "the longest wait in milliseconds; a negative value sets no limit",
    "user": "a pointer of your program, passed on as it is",
    "release": "frees `user` when the library no longer uses it",
}


def pages(api):
    """The names of pages and their texts."""
    by_name = {
        entry["name"]: (kind, entry)
        for kind in ("handles", "types", "macros", "structs", "callbacks", "functions")
        for entry in api[kind]
    }
    groups = {constant["name"]: group for group in api["constants"] for constant in group["constants"]}
    yield "reference/c/rules.md", rules(api)
    chapters = []
    for chapter in api["chapters"]:
        name = f"reference/c/{chapter['name']}.md"
        chapters.append(chapter["name"])
        yield name, page(chapter, by_name, groups)
    yield "reference/c/index.md", index(api, chapters)


def index(api, chapters):
    summaries = []
    functions = {function["name"]: function for function in api["functions"]}
    for chapter in api["chapters"]:
        summaries.append(f"## [{inline(chapter['title'])}]({chapter['name']}.md)\n")
        for name in chapter["declares"]:
            if name in functions:
                summaries.append(f"`{name}`\n: {inline(functions[name]['summary'])}\n")
    listed = "\n".join(chapters)
    return f"""# C

The reference of `bedrock.h`, version {api["version"]}: {len(api["functions"])} functions in {len(chapters)} chapters. The header says
the same; both are generated from the library's source.

Read [the rules for every function](rules.md) first. They state who frees what, which functions block, what threads and callbacks
may do, and what happens in a forked child. A function repeats none of it.

```{{toctree}}
:maxdepth: 1
:hidden:

rules
{listed}
```

{chr(10).join(summaries)}"""


def rules(api):
    parts = [
        "# Rules for every function\n",
        "Everything on this page holds for each function, unless its own description states something else.\n",
    ]
    for rule in api["rules"]:
        parts += [f"## {inline(rule['title'])}\n", blocks(rule["text"]) + "\n"]
    return "\n".join(parts)


def page(chapter, by_name, groups):
    title = inline(chapter["title"])
    text = chapter["text"]
    if chapter["name"] == "model":  # the guide has the keys, in a form that can be searched
        text = [{"paragraph": "KEYS"} if len(block.get("table", ())) > 20 else block for block in text]
    parts = [f"# {title}\n", blocks(text).replace("KEYS", "The keys are in [Configuration](/guide/configuration.md).") + "\n"]

    functions = [name for name in chapter["declares"] if by_name.get(name, ("",))[0] == "functions"]
    others = [name for name in chapter["declares"] if name not in functions]
    done = set()
    if others:
        parts.append("## Types and constants\n")
    for name in others:
        if name in groups:
            group = groups[name]
            if group["prefix"] in done:
                continue
            done.add(group["prefix"])
            parts += [constant_text(constant, group) for constant in group["constants"]]
        else:
            kind, entry = by_name[name]
            parts.append(DECLARED[kind](entry))
    if functions:
        parts.append("## Functions\n")
        parts += [function_text(by_name[name][1]) for name in functions]
    return "\n".join(parts)


def directive(kind, signature, body, colons=3):
    fence = ":" * colons
    return f"{fence}{{c:{kind}}} {signature}\n\n{body}\n{fence}\n"


def constant_text(constant, group):
    body = blocks(constant["text"])
    if constant["name"].startswith("BEDROCK_E_"):
        body += f" [What to do](/errors/statuses.md#{constant['name'].lower().replace('_', '-')})"
    return directive("enumerator", f"{constant['name']} = {constant['value']}", body)


def handle_text(handle):
    return directive(
        "type", f"struct {handle['name']} {handle['name']}", f"{blocks(handle['text'])} A handle. Free it with `{handle['free']}`."
    )


def type_text(entry):
    return directive("type", f"{entry['type']} {entry['name']}", blocks(entry["text"]))


def macro_text(macro):
    return directive("macro", macro["name"], f"{blocks(macro['text'])}\n\nValue: `{macro['value']}`")


def struct_text(struct):
    parts = [blocks(struct["text"]) + "\n"]
    rows = []
    for field in struct["fields"]:
        array = f"[{field['count']}]" if "count" in field else ""
        text = blocks(field.get("text"))
        if not text and field["name"].endswith("_len"):
            text = f"The length of `{field['name'].removesuffix('_len')}`."
        parts.append(directive("member", declared(field) + array, text))
        rows.append(f"| `{field['name']}` | {field['offset']} | {field['size']} |")
    table = "\n".join(["| member | offset | size |", "|---|---:|---:|", *rows])
    parts.append(
        f":::{{dropdown}} Layout on 64-bit systems: {struct['size']} bytes, aligned to {struct['align']}\n"
        f":class-container: layout\n\n{table}\n:::\n"
    )
    return directive("struct", struct["name"], "\n".join(parts), 4)


def callback_text(callback):
    parameters = ", ".join(declared(parameter) for parameter in callback["parameters"])
    return directive("type", f"{callback['returns']} (*{callback['name']})({parameters})", blocks(callback["text"]))


def declared(parameter):
    space = "" if parameter["type"].endswith("*") else " "
    return f"{parameter['type']}{space}{parameter['name']}"


DECLARED = {
    "handles": handle_text,
    "types": type_text,
    "macros": macro_text,
    "structs": struct_text,
    "callbacks": callback_text,
}


def function_text(function):
    signature = function["declaration"].rstrip(";")
    parts = [inline(function["summary"]), ""]
    if function["text"]:
        parts += [blocks(function["text"]), ""]
    for parameter in function["parameters"]:
        parts.append(f":param {parameter['name']}: {parameter_text(parameter, function)}")
    returns = function["returns"]
    if returns["type"] != "void":
        parts.append(f":returns: {inline(returns.get('text', ''))}")
    if function.get("ownership"):
        parts.append(f":Ownership: {inline(function['ownership'])}")
    if function.get("threads"):
        parts.append(f":Threads: {inline(function['threads'])}")
    if function.get("aws"):
        parts.append(f":AWS: {inline(function['aws'])}")
    parts.append(f":Since: {function['since']}")
    return directive("function", signature, "\n".join(parts))


def parameter_text(parameter, function):
    text = inline(parameter.get("text", ""))
    if not text:
        text = COMMON.get(parameter["name"], "")
        measured = [other["name"] for other in function["parameters"] if other.get("length") == parameter["name"]]
        if parameter["name"] == "len" and measured:
            text = f"the length of `{measured[0]}`"
        if not text and parameter["type"].startswith(("bedrock_", "const bedrock_")):
            text = "the " + parameter["name"].replace("_", " ")
        text = text[:1].upper() + text[1:] + "." if text else ""
    facts = []
    if parameter.get("nullable"):
        facts.append("may be `NULL`")
    if parameter.get("ownership") == "owned" and parameter.get("free"):
        facts.append(f"owned by the caller: free it with `{parameter['free']}`")
    elif parameter["direction"] != "in" and parameter.get("until"):
        facts.append(f"borrowed until {inline(parameter['until'])}")
    elif parameter["direction"] != "in" and parameter.get("from"):
        facts.append(f"points into `{parameter['from']}`")
    elif parameter.get("ownership") == "taken" and parameter.get("until"):
        facts.append(f"used until {inline(parameter['until'])}")
    shown = text.lower()
    facts = [fact for fact in facts if not ("may be null" in shown and fact.startswith("may be"))]
    if facts:
        joined = "; ".join(facts)
        text += f" {joined[:1].upper()}{joined[1:]}."
    direction = {"in": "", "out": "*(out)* ", "in-out": "*(in and out)* "}[parameter["direction"]]
    return (direction + text).strip() or "See above."
