"""Ordered vocabularies of sources: the label of an instrument, and the slot the network gives it."""

from collections.abc import Iterable, Sequence

MUSDB = ("drums", "bass", "other", "vocals")
URMP = ("bn", "cl", "db", "fl", "hn", "ob", "sax", "tba", "tbn", "tpt", "va", "vc", "vn")

ACCOMPANIMENT = "accompaniment"  # in a vocabulary: the sum of all sources that it does not name

_NAMES = {
    "bn": "bassoon",
    "cl": "clarinet",
    "db": "double bass",
    "fl": "flute",
    "hn": "horn",
    "ob": "oboe",
    "sax": "saxophone",
    "tba": "tuba",
    "tbn": "trombone",
    "tpt": "trumpet",
    "va": "viola",
    "vc": "cello",
    "vn": "violin",
}


def name_of(label: str) -> str:
    """The word a reader expects for a label: ``vn`` -> ``violin``; a word stays as it is."""
    return _NAMES.get(label, label)


def slot_of(label: str, vocabulary: Sequence[str]) -> int:
    """The slot of a label.

    Raises:
        ValueError: the label is not in the vocabulary; the message lists the legal ones.
    """
    return multi_hot([label], vocabulary).index(1)


def multi_hot(labels: Iterable[str], vocabulary: Sequence[str]) -> list[int]:
    """Labels as a vector over the slots of a vocabulary, shape (K,).

    Raises:
        ValueError: a label is not in the vocabulary; the message lists the legal ones.
    """
    chosen = set(labels)
    unknown = sorted(chosen - set(vocabulary))
    if unknown:
        raise ValueError(
            f"no source is called {', '.join(unknown)}; the legal labels are {', '.join(vocabulary)}."
        )
    return [int(name in chosen) for name in vocabulary]
