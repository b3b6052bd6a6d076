"""Reads what is asked of a song, in the words of a request."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from configs.instruments import ALL
from evaluation.recognition.recognition_flag import AUTO
from evaluation.songs.choice import naming, parse_labels, parse_stems
from evaluation.songs.stems import Wanted

# What page.html calls the choices of a song.
WHAT_PLAYS = "“What plays?”"
_WHICH_STEMS = "“Which stems?”"


class Asked(NamedTuple):
    """Holds what is asked of a song."""

    wanted: Wanted
    # Whether the song is heard as a whole first, to know which instruments play.
    listens: bool


def read_asked(
    given: Mapping[str, str],
    vocabulary: Sequence[str],
    require_labels: Callable[[Sequence[str] | None], Any],
    can_listen: bool,
) -> Asked:
    """Returns what a request asks of a song.

    Args:
        given: by name, ``labels`` and ``write``, as the flags of the command; ``auto`` among the
            stems means those of the instruments that are heard.
        vocabulary: all sources.
        require_labels: raises a ``ValueError`` for labels with which nothing can be separated.
        can_listen: whether there is a tagger.

    Raises:
        ValueError: a choice cannot be; the sentence begins with what the page calls it.
    """
    listens = given.get("labels") == AUTO
    labels = None
    with naming(WHAT_PLAYS):
        if not listens:
            labels = parse_labels(given.get("labels"), vocabulary)
            require_labels(labels)
        elif not can_listen:
            raise ValueError(
                f"{AUTO} needs a run that hears which instruments play, and this page was opened "
                f"without one; name those that play, of {', '.join(vocabulary)}."
            )
    with naming(_WHICH_STEMS):
        if not listens:
            return Asked(Wanted(labels, parse_stems(given.get("write"), labels, vocabulary)), False)
        words = given.get("write", AUTO).split(",")
        # Until they are heard, any of them may be.
        text = ",".join(ALL if word == AUTO else word for word in words)
        stems = parse_stems(text, None, vocabulary)
    return Asked(Wanted(None, stems, only_heard=AUTO in words), True)
