"""Says which instruments play and which stems are wanted, in the words of a person."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from configs import instruments
from configs.instruments import ALL, RESIDUAL

_ALL_BUT = "all-but:"
# What queries leave of a song.
REST = "rest"


class Stems(NamedTuple):
    """Holds which files are made of a song."""

    # In the order of the vocabulary.
    sources: tuple[str, ...]
    # Whether what the song holds beside them is one more.
    with_residual: bool = False
    # What that one is called.
    rest: str = RESIDUAL

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the names of all of them."""
        return (*self.sources, self.rest) if self.with_residual else self.sources


@contextmanager
def naming(choice: str) -> Iterator[None]:
    """Puts before the sentence that refuses a choice how it is called where the choice was made.

    A command calls it by its flag, a page by what stands on it.
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{choice}: {error}") from error


def parse_labels(text: str | None, vocabulary: Sequence[str]) -> list[str] | None:
    """Returns the instruments that play, in order; None where nothing is said of them.

    Raises:
        ValueError: it names none, or one that the vocabulary does not have.
    """
    if text is None:
        return None
    labels = _words(text)
    if not labels:
        raise ValueError("nothing is named; leave it out where the instruments are not known.")
    if labels == [ALL]:
        return list(vocabulary)
    instruments.multi_hot(labels, vocabulary)
    return list(_in_order(labels, vocabulary))


def parse_stems(text: str | None, labels: Sequence[str] | None, vocabulary: Sequence[str]) -> Stems:
    """Returns which stems are wanted.

    Args:
        text: names of sources, ``all``, ``residual``, or ``all-but:`` before the names of those
            that are not wanted, with commas between them; None: the instruments that play, or all
            sources where these are not known.
        labels: the instruments that play.
        vocabulary: all sources.

    Raises:
        ValueError: there is no such source, both kinds of names are given, or nothing is left.
    """
    if text is None:
        return Stems(_in_order(vocabulary if labels is None else labels, vocabulary))
    words = _words(text)
    with_residual = RESIDUAL in words
    words = [word for word in words if word != RESIDUAL]
    excludes = any(word.startswith(_ALL_BUT) for word in words)
    if excludes and not words[0].startswith(_ALL_BUT):
        raise ValueError(
            f"stems are named that are wanted and, behind {_ALL_BUT}, such that are not; give one "
            f"kind."
        )
    names = [word.removeprefix(_ALL_BUT) for word in words]
    if ALL in names:
        names = list(vocabulary)
    instruments.multi_hot(names, vocabulary)
    if excludes:
        names = [name for name in vocabulary if name not in names]
    if not names:
        raise ValueError(
            f"no stem is left; name at least one of {', '.join(vocabulary)}. The residual is what "
            f"the others leave of the song."
        )
    return Stems(_in_order(names, vocabulary), with_residual)


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",")]
    return [word for word in words if word]


def _in_order(names: Sequence[str], vocabulary: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in vocabulary if name in names)
