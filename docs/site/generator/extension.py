"""What the site adds to Sphinx: programs in tabs, and links from the names in a text to the reference."""

import json
import os
import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.directives.code import LiteralInclude
from sphinx.domains.c import CDomain
from sphinx.domains.cpp import CPPDomain
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

from .errors import anchor

ROOT = Path(__file__).resolve().parents[3]
LANGUAGES = {
    "c": ("C", "c", "docs/site/programs/c/{}.c"),
    "cpp": ("C++", "cpp", "docs/site/programs/cpp/{}.cc"),
    "go": ("Go", "go", "docs/site/programs/go/{}/main.go"),
    "python": ("Python", "python", "docs/site/programs/python/{}.py"),
}


class Example(LiteralInclude):
    """A file of the repository, as code. CI compiles and runs all files that pages show."""

    def run(self):
        self.arguments[0] = "/" + os.path.relpath(ROOT / self.arguments[0], self.env.srcdir)
        return super().run()


class Languages(SphinxDirective):
    """The twins of a program in tabs. Text for one language stands below "c:", "cpp:", "go:" or "python:" on a line of its own."""

    required_arguments = 1
    has_content = True
    option_spec = {"no-code": directives.flag}

    def run(self):
        texts, current = {}, None
        for line in self.content:
            marker = re.fullmatch(r"(c|cpp|go|python):", line.strip())
            current = marker[1] if marker else current
            if not marker:
                texts.setdefault(current, []).append(line)
        lines = ["::::::{tab-set}", ":sync-group: language", ""]
        for language, (title, lexer, file) in LANGUAGES.items():
            lines += [f":::::{{tab-item}} {title}", f":sync: {language}", ""]
            lines += [*texts.get(language, []), ""]
            if "no-code" not in self.options:
                lines += [f"```{{example}} {file.format(self.arguments[0])}", f":language: {lexer}", "```", ""]
            lines += [":::::", ""]
        lines.append("::::::")
        return self.parse_text_to_nodes("\n".join(lines))


class Links(SphinxTransform):
    """A name in code is a link: of the C API to its description, of a status to what to do, of a key to the configuration."""

    default_priority = 400

    def apply(self):
        targets = self.app.bedrock_targets
        for literal in list(self.document.findall(nodes.literal)):
            if isinstance(literal.parent, (nodes.reference, addnodes.pending_xref, nodes.title)) or within_link(literal):
                continue
            target = targets.get(literal.astext().rstrip("()"))
            if target is None:
                continue
            domain, kind, name = target
            link = addnodes.pending_xref(
                "", refdomain=domain, reftype=kind, reftarget=name, refexplicit=True, refwarn=True, refdoc=self.env.docname
            )
            literal.replace_self(link)
            link += literal


def within_link(node):
    while node is not None:
        if isinstance(node, (nodes.reference, addnodes.pending_xref, addnodes.desc_signature)):
            return True
        node = node.parent
    return False


def targets_of(api):
    found = {}
    roles = {"functions": "func", "structs": "struct", "callbacks": "type", "handles": "type", "macros": "macro", "types": "type"}
    for kind, role in roles.items():
        for entry in api[kind]:
            found[entry["name"]] = ("c", role, entry["name"])
    for group in api["constants"]:
        for constant in group["constants"]:
            name = constant["name"]
            if name.startswith("BEDROCK_E_") and constant["value"] < 0:
                found[name] = found[name.removeprefix("BEDROCK_")] = ("", "status", anchor(name))
            else:
                found[name] = ("c", "enumerator", name)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for key in re.findall(r"^\| `([\w.]+)` \|", text[text.index("<!-- keys") : text.index("<!-- end of keys")], re.MULTILINE):
        if "_" in key or "." in key:  # the others are ordinary words
            found[key] = ("std", "confval", key)
    return found


class C(CDomain):
    """Without parameters in the search: they would hide the functions."""

    def get_objects(self):
        return (entry for entry in super().get_objects() if entry[2] != "functionParam")


class CPP(CPPDomain):
    """The same for C++."""

    def get_objects(self):
        return (entry for entry in super().get_objects() if entry[2] not in ("functionParam", "templateParam"))


def status_link(app, env, node, content):
    """The status in a text is a link to what to do about it."""
    if node.get("reftype") == "status":
        return make_refnode(app.builder, node["refdoc"], "errors/statuses", node["reftarget"], content)


def setup(app):
    app.bedrock_targets = targets_of(json.loads((ROOT / "bindings/ffi/api.json").read_text(encoding="utf-8")))
    app.add_domain(C, override=True)
    app.add_domain(CPP, override=True)
    app.add_directive("example", Example)
    app.add_directive("languages", Languages)
    app.add_transform(Links)
    app.connect("missing-reference", status_link)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
