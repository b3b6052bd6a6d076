"""Holds ordered vocabularies of sources: the label of an instrument, and its slot."""

from collections.abc import Iterable, Sequence

MUSDB = ("drums", "bass", "other", "vocals")
URMP = ("bn", "cl", "db", "fl", "hn", "ob", "sax", "tba", "tbn", "tpt", "va", "vc", "vn")

# In a vocabulary: the sum of all sources that it does not name.
ACCOMPANIMENT = "accompaniment"
# In commands: every source; what the others leave of a mixture.
ALL = "all"
RESIDUAL = "residual"
# What no source can be called, as in commands it means something else.
RESERVED = (ALL, "auto", "unknown", RESIDUAL)

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
    """Returns the word readers expect for a label: ``vn`` -> ``violin``; a word stays as it is."""
    return _NAMES.get(label, label)


def slot_of(label: str, vocabulary: Sequence[str]) -> int:
    """Returns the slot of a label.

    Raises:
        ValueError: the label is not in the vocabulary; the message lists the legal ones.
    """
    return multi_hot([label], vocabulary).index(1)


def multi_hot(labels: Iterable[str], vocabulary: Sequence[str]) -> list[int]:
    """Returns labels as a vector over the slots of a vocabulary, shape (K,).

    Raises:
        ValueError: a label is not in the vocabulary; the message lists the legal ones.
    """
    chosen = set(labels)
    unknown = sorted(chosen - set(vocabulary))
    if unknown:
        raise ValueError(
            f"no source is called {', '.join(unknown)}; the legal labels are "
            f"{', '.join(vocabulary)}."
        )
    return [int(name in chosen) for name in vocabulary]
