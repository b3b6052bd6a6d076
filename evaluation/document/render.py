"""Writes a document as an HTML page that needs no other file, as Markdown, and as JSON."""

import base64
import hashlib
import json
import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from data_prep.storage.files import replacing
from evaluation.document.as_json import to_json_object
from evaluation.document.parts import Clips, Document

# Of the files that :func:`write` writes.
SUFFIXES = (".html", ".md", ".json")

# The templates, the style and the script lie beside this module.
_FOLDER = Path(__file__).parent


def write(path: Path, document: Document) -> None:
    """Writes the page to ``path``, and Markdown and JSON beside it.

    Each of the three is the old file or the new one at any moment, never half of it.
    """
    # In this order, so that once the page is new, the others are.
    texts = {
        ".json": json.dumps(to_json_object(document), indent=1, allow_nan=False) + "\n",
        ".md": to_markdown(document),
        ".html": to_html(document),
    }
    for suffix, text in texts.items():
        with replacing(path.with_suffix(suffix)) as temporary:
            # A file name that is no text (a lone surrogate) must not cost the report.
            temporary.write_text(text, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")


def to_html(document: Document) -> str:
    """Returns the page."""
    script = ""
    if _has_players(document):
        script = (_FOLDER / "report.js").read_text(encoding="utf-8")
    script_source = "'none'"
    if script:
        # The page allows the script of this very text and no other, whatever a name may hold.
        digest = hashlib.sha256(script.encode("utf-8")).digest()
        script_source = f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
    style = (_FOLDER / "report.css").read_text(encoding="utf-8")
    # The template escapes all text. Style and script are ours, no text of a run, and like the
    # figures they are markup already.
    return _template("report.html.jinja", autoescape=True).render(
        document=document,
        style=Markup(style),
        script=Markup(script),
        script_source=script_source,
    )


def _has_players(document: Document) -> bool:
    blocks = (block for section in document.sections for block in section.blocks)
    return any(isinstance(block, Clips) for block in blocks)


def to_markdown(document: Document) -> str:
    """Returns the same words and numbers: figures in words, and a list of what can be heard."""
    text = _template("report.md.jinja", autoescape=False).render(document=document)
    return text.rstrip("\n") + "\n"


def _template(name: str, autoescape: bool) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=autoescape,
        # A name that a template misspells is an error, not an empty text.
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["md"] = _escape
    environment.filters["fence"] = _fence
    environment.filters["percent"] = "{:.2%}".format
    return environment.get_template(name)


def _escape(text: str) -> str:
    """Returns text that Markdown shows as it is, in a line of a table too."""
    # A line of a table ends where the text has a line break.
    one_line = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", one_line)


def _fence(text: str) -> str:
    """Returns a fence that is longer than any run of backticks in the text."""
    lengths = [len(run) for run in re.findall("`+", text)]
    return "`" * max(3, 1 + max(lengths, default=0))
