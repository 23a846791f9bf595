"""Sphinx's configuration. `build` runs it on a copy of this folder to which the generator has added its pages."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "bindings/python/src")]

project = "libbedrock"
author = "the libbedrock authors"
copyright = "the libbedrock authors; Apache-2.0"
release = version = json.loads((ROOT / "bindings/ffi/api.json").read_text(encoding="utf-8"))["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_design", "sphinx_copybutton", "generator.extension"]
source_suffix = {".md": "markdown"}
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "fieldlist", "substitution"]
myst_substitutions = {"version": release}
myst_heading_anchors = 4
smartquotes = False
highlight_language = "text"
maximum_signature_line_length = 84
c_maximum_signature_line_length = 84
toc_object_entries_show_parents = "hide"
add_module_names = False
copybutton_exclude = ".linenos, .gp, .go"

# The C types that every compiler has, and what other documents define.
nitpick_ignore_regex = [
    (r"c:.*", r"u?int\d+_t|size_t|ptrdiff_t|intptr_t"),
    (r"cpp:.*", r".*"),
    (r"py:.*", r"(builtins|collections|ctypes|logging|typing|types|t|c)\..*"),
    (r"py:.*", r"Unpack|RequestLike|BytesLike|Json|Config|Record|Handle|Events"),
    (r"py:.*", r"(libbedrock\.)?(_\w+|types)\..*"),
]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = "libbedrock"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = "_static/mark.svg"
html_copy_source = False
html_show_sphinx = False
pygments_style = "default"
pygments_dark_style = "github-dark"
html_theme_options = {
    "light_logo": "mark.svg",
    "dark_logo": "mark.svg",
    "top_of_page_buttons": [],
    "light_css_variables": {
        "color-brand-primary": "#0b6a54",
        "color-brand-content": "#0b6a54",
        "color-brand-visited": "#0b6a54",
        "color-api-name": "var(--color-foreground-primary)",
        "color-api-pre-name": "var(--color-foreground-muted)",
    },
    "dark_css_variables": {
        "color-brand-primary": "#5fd0ae",
        "color-brand-content": "#5fd0ae",
        "color-brand-visited": "#5fd0ae",
        "color-api-name": "var(--color-foreground-primary)",
        "color-api-pre-name": "var(--color-foreground-muted)",
    },
}
