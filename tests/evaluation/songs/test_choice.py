"""What plays and what is wanted, in the words of a person."""

import pytest

import configs
from evaluation.songs.choice import naming, parse_labels, parse_stems

VOCABULARY = ("drums", "bass", "other", "vocals")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (None, None),
        ("vocals, bass", ["bass", "vocals"]),
        ("all", list(VOCABULARY)),
        (" drums ,", ["drums"]),
    ],
)
def test_labels(text, labels):
    assert parse_labels(text, VOCABULARY) == labels


@pytest.mark.parametrize(
    ("write", "labels", "names"),
    [
        (None, None, VOCABULARY),
        (None, ["vocals", "bass"], ("bass", "vocals")),
        ("all", ["vocals"], VOCABULARY),
        ("vocals", None, ("vocals",)),
        ("vocals,residual", None, ("vocals", "residual")),
        ("residual, all", None, (*VOCABULARY, "residual")),
        ("all-but:vocals", None, ("drums", "bass", "other")),
        ("all-but:vocals,drums,residual", ["bass"], ("bass", "other", "residual")),
        ("all-but:vocals,all-but:drums", None, ("bass", "other")),
    ],
)
def test_stems(write, labels, names):
    assert parse_stems(write, labels, VOCABULARY).names == names


@pytest.mark.parametrize(
    ("write", "message"),
    [
        ("residual", "no stem is left; name at least one of drums, bass"),
        ("", "no stem is left"),
        ("all-but:all", "no stem is left"),
        ("vocal", "no source is called vocal; the legal labels are drums, bass"),
        ("all-but:vocal", "no source is called vocal;"),
        ("drums,all-but:vocals", "stems are named that are wanted and, behind all-but:, such that"),
    ],
)
def test_stems_that_cannot_be(write, message):
    with pytest.raises(ValueError, match=message):
        parse_stems(write, None, VOCABULARY)


def test_labels_that_cannot_be():
    with pytest.raises(ValueError, match=r"^nothing is named; leave it out"):
        parse_labels(" ,", VOCABULARY)
    with pytest.raises(ValueError, match="no source is called residual"):
        parse_labels("residual", VOCABULARY)


def test_a_choice_is_refused_by_its_name():
    sentence = r"^the voices: no source is called vocal;"
    with pytest.raises(ValueError, match=sentence), naming("the voices"):
        parse_labels("vocal", VOCABULARY)
    with pytest.raises(OSError, match=r"^disk"), naming("the voices"):
        raise OSError("disk")


@pytest.mark.parametrize("name", ["all", "auto", "unknown", "residual", "Residual"])
def test_words_of_commands_are_no_sources(name):
    with pytest.raises(ValueError, match=r"data\.sources.*commands mean something else by all, "):
        configs.load("smoke", [f"data.sources=vn,{name}"])
