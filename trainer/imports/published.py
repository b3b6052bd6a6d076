"""Knows the weights that Open-Unmix's authors published, by the names and checksums of their files.

As its package, version 1.3.0, and the README in it say. None of them is shipped or fetched.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """Says what is known of a set of weights."""

    name: str
    licence: str
    # What its authors say it learnt from.
    trained_on: str
    sample_rate: int
    # In the names of its files: how their SHA-256 begins.
    tags: frozenset[str]


PUBLISHED = (
    Published(
        "umx",
        "MIT",
        "MUSDB18",
        44100,
        frozenset({"646024d3", "5a48008b", "f8e132cc", "c8df74a5"}),
    ),
    Published(
        "umxhq",
        "MIT",
        "MUSDB18-HQ",
        44100,
        frozenset({"8d85a5bd", "9619578f", "b52fbbf7", "b62c91ce"}),
    ),
    Published(
        "umxl",
        "CC BY-NC-SA 4.0, which forbids commercial use",
        "stems that are not public",
        44100,
        frozenset({"2ca1ce51", "69e0ebd4", "c8c5b3e6", "bccbd9aa"}),
    ),
    Published(
        "umxse",
        # The README names none.
        "not known",
        "Voicebank+Demand",
        16000,
        frozenset({"f5e0d9f9", "04a6fc2d"}),
    ),
)


def find_published(tag: str, sha256: str) -> Published | None:
    """Returns the set to which a file belongs, None where it is none that is known.

    Args:
        tag: in the name of the file; empty where it has none.
        sha256: of its content, hexadecimal; a file may have been renamed.
    """
    for published in PUBLISHED:
        if published.tags & {tag, sha256[:8]}:
            return published
    return None


def licence_of(found: Mapping[str, Published | None], given: str) -> str:
    """Returns the licence of weights in words, empty where nothing is known of it.

    Args:
        found: the set of each target.
        given: what the user says of it; empty for nothing.

    Raises:
        ValueError: the user says something of weights whose licence is known.
    """
    known = list(dict.fromkeys(each for each in found.values() if each is not None))
    others = [target for target, each in found.items() if each is None]
    if not known:
        return given
    if given and not others:
        names = " and ".join(each.name for each in known)
        raise ValueError(
            f"--license says {given!r}, but these are the weights that were published as {names}, "
            f"whose licence is known: leave it out."
        )
    parts = [f"{each.licence} ({each.name})" for each in known]
    if others:
        parts.append(f"{given or 'not known'} ({', '.join(others)})")
    return "; ".join(parts)
