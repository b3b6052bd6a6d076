"""The music of the rendered corpora: that of all figures so far, in range, on the chords."""

import hashlib
from itertools import pairwise

import pytest

from benchmarks.corpora.rendered_music import PLAYERS, compose_piece, compose_song
from configs import instruments
from data_prep.synthesis.timbres import Note

# Of the script with which the corpora of the first figures were rendered: seed 0, 30 s, 18 pieces
# and 16 songs. The numbers of its notes, and the first 12 digits of the SHA-256 of their lines.
GOLDEN_PIECES = (3027, "7413473e54b3")
GOLDEN_SONGS = (5372, "b10298a671a5")


def lines_of(composition):
    """Every part's source, program and notes, as text."""
    lines = []
    for part in composition.parts:
        notes = [f"{note.start_secs:.6f} {note.secs:.6f} {note.pitch}" for note in part.notes]
        lines += [f"{part.source} {part.program}", *notes]
    return lines


def digest(compositions):
    lines = [line for each in compositions for line in (each.title, *lines_of(each))]
    text = "\n".join(lines)
    return len(lines), hashlib.sha256(text.encode()).hexdigest()[:12]


def test_it_is_the_music_of_the_first_figures():
    assert digest(compose_piece(number, 30, 0) for number in range(1, 19)) == GOLDEN_PIECES
    assert digest(compose_song(number, 30, 0) for number in range(16)) == GOLDEN_SONGS


def test_another_seed_and_another_number_are_other_music():
    pieces = [compose_piece(number, 5, seed) for number, seed in ((3, 0), (4, 0), (3, 1))]
    assert len({tuple(lines_of(piece)) for piece in pieces}) == 3
    assert lines_of(compose_piece(3, 5, 0)) == lines_of(pieces[0])


@pytest.mark.parametrize("number", [1, 7, 60])
def test_players_stay_in_their_range_and_on_the_chords_that_they_share(number):
    piece = compose_piece(number, 20, seed=4)
    assert 2 <= len(piece.parts) <= 5
    assert [part.source for part in piece.parts] == sorted(part.source for part in piece.parts)
    assert set(PLAYERS) == set(instruments.URMP)
    chords = {}
    for part in piece.parts:
        player = PLAYERS[part.source]
        assert part.program == player.program
        assert part.notes
        assert all(player.lowest <= note.pitch <= player.highest for note in part.notes)
        for before, after in pairwise(part.notes):
            assert before.start_secs + before.secs <= after.start_secs
        for note in part.notes:
            chords.setdefault(int(note.start_secs // 2), set()).add(note.pitch % 12)
    assert len(chords) == 10
    assert all(len(tones) <= 3 for tones in chords.values())


def test_a_song_has_the_four_sources_and_a_beat():
    song = compose_song(2, 4, seed=0)
    assert song.title == "Artist 02 - Lantern"
    assert [part.source for part in song.parts] == ["drums", "bass", "other", "other", "vocals"]
    assert {part.source for part in song.parts} == set(instruments.MUSDB)
    drums, *others = song.parts
    assert drums.is_drums
    assert not any(part.is_drums for part in others)
    hats = [note for note in drums.notes if note.pitch == 42]
    assert hats == [Note(i / 4, 0.1, 42) for i in range(16)]
    snares = [note.start_secs for note in drums.notes if note.pitch == 38]
    assert snares == [1.0, 3.0]
    kicks = {note.start_secs for note in drums.notes if note.pitch == 36}
    assert kicks >= {0.0, 1.25, 2.0, 3.25}
