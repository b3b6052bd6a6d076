"""Makes the text of a page that plays one-shots: all that it needs is in it."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

# The template, the style and the scripts lie beside this module.
_FOLDER = Path(__file__).parent
# Of the network, which are those of the worker, too; each may use what stands in those before it.
_OF_NETWORK = ("arrays", "spectrum", "network")
_SCRIPTS = (*_OF_NETWORK, "engine", "sounds", "pictures", "map", "own", "page")


class Contents(NamedTuple):
    """Holds all that is different from page to page."""

    title: str
    subtitle: str
    num_latents: int
    num_directions: int
    has_sounds: bool
    has_encoder: bool
    command: str
    # What the scripts must know, as JSON has it.
    described: dict[str, Any]
    # Packed arrays.
    weights: str
    numbers: str


def to_html(contents: Contents) -> str:
    """Returns the page."""
    scripts = {name: _read(f"{name}.js") for name in _SCRIPTS}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        # A name that a template misspells is an error, not an empty text.
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Style and scripts are ours, no text of a run, and so they are markup already; of the JSON no
    # text can end the element that it stands in.
    described = json.dumps(contents.described).replace("<", "\\u003c")
    return environment.get_template("player.html.jinja").render(
        page=contents,
        described=Markup(described),
        weights=Markup(contents.weights),
        numbers=Markup(contents.numbers),
        style=Markup(_read("player.css")),
        scripts={name: Markup(text) for name, text in scripts.items()},
        of_network=_OF_NETWORK,
        # The page allows these very scripts and no other, whatever a name may hold.
        script_sources=" ".join(_source(text) for text in scripts.values()),
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _source(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
