"""A document as an HTML page that needs nothing else, as Markdown, and as JSON."""

import base64
import hashlib
import json
import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from data_prep.storage.files import replacing
from evaluation.document.as_json import to_tree
from evaluation.document.parts import Clips, Document

SUFFIXES = (".html", ".md", ".json")

_FOLDER = Path(__file__).parent


def write(path: Path, document: Document) -> None:
    """Write the page, and Markdown and JSON beside it; each file is the old one or the new one, never half of it."""
    texts = (
        to_html(document),
        to_markdown(document),
        json.dumps(to_tree(document), indent=1, allow_nan=False) + "\n",
    )
    for suffix, text in reversed(list(zip(SUFFIXES, texts, strict=True))):  # the page last
        with replacing(path.with_suffix(suffix)) as temporary:
            # A file name that is no text (a lone surrogate) must not cost the report.
            temporary.write_text(text, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")


def to_html(document: Document) -> str:
    """The page. Text is escaped by the template; the figures alone are markup already."""
    has_players = any(
        isinstance(block, Clips) for section in document.sections for block in section.blocks
    )
    script = (_FOLDER / "report.js").read_text(encoding="utf-8") if has_players else ""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return _template("report.html.jinja", autoescape=True).render(
        document=document,
        style=Markup(
            (_FOLDER / "report.css").read_text(encoding="utf-8")
        ),  # ours, no text of a run
        script=Markup(script),
        script_source=f"'sha256-{digest}'" if script else "'none'",  # this script and no other
    )


def to_markdown(document: Document) -> str:
    """The same words and numbers; figures as what they show in words, clips as what there is to hear in the page."""
    return (
        _template("report.md.jinja", autoescape=False).render(document=document).rstrip("\n") + "\n"
    )


def _template(name: str, autoescape: bool) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(md=_escape, fence=_fence, percent="{:.2%}".format)
    return environment.get_template(name)


def _escape(text: str) -> str:
    """Text that Markdown shows as it is, in a line of a table too."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", " ".join(text.split()))


def _fence(text: str) -> str:
    """A fence longer than any run of backticks in the text."""
    return "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
