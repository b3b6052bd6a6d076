"""What a request asks of a song."""

import re

import pytest

from configs.instruments import multi_hot
from evaluation.server.asked import read_asked
from evaluation.songs.choice import Stems

SOURCES = ("cl", "fl", "vn")


def refuse_none(labels):
    if labels is None:
        raise ValueError("name some")
    multi_hot(labels, SOURCES)


@pytest.mark.parametrize(
    ("given", "sources", "with_residual", "only_heard"),
    [
        ({}, SOURCES, False, True),
        ({"write": "auto"}, SOURCES, False, True),
        ({"write": "auto,residual"}, SOURCES, True, True),
        ({"write": "all,residual"}, SOURCES, True, False),
        ({"write": "vn"}, ("vn",), False, False),
    ],
)
def test_stems_are_those_that_are_heard_unless_they_are_named(
    given, sources, with_residual, only_heard
):
    asked = read_asked({"labels": "auto", **given}, SOURCES, refuse_none, can_listen=True)
    assert asked.listens
    assert asked.wanted.labels is None
    assert asked.wanted.stems == Stems(sources, with_residual)
    assert asked.wanted.only_heard == only_heard


def test_with_a_tagger_instruments_can_be_named_all_the_same():
    asked = read_asked({"labels": "vn,fl"}, SOURCES, refuse_none, can_listen=True)
    assert asked == read_asked({"labels": "vn,fl"}, SOURCES, refuse_none, can_listen=False)
    assert (asked.listens, asked.wanted.labels) == (False, ["fl", "vn"])
    assert asked.wanted.stems.sources == ("fl", "vn")


@pytest.mark.parametrize(
    ("given", "can_listen", "message"),
    [
        ({"labels": "auto"}, False, "“What plays?”: auto needs a run that hears"),
        ({}, True, "“What plays?”: name some"),
        ({"labels": "vn", "write": "auto"}, True, "“Which stems?”: no source is called auto"),
        ({"labels": "auto", "write": "residual"}, True, "“Which stems?”: no stem is left"),
        ({"labels": "auto", "write": "ob"}, True, "“Which stems?”: no source is called ob"),
        ({"labels": "auto,vn"}, True, "“What plays?”: no source is called auto"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(given, can_listen, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_asked(given, SOURCES, refuse_none, can_listen)
