"""Rendered corpora: their splits, and with the real synthesizer their sounds."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.corpora.sound_fonts import DEFAULT_FONT, FLUIDSYNTH
from benchmarks.rendered_corpora import make_splits, split_of
from configs import instruments
from configs.splits import SPLITS, load_splits
from tests.support.commands import run_command


@pytest.mark.parametrize(
    ("num_pieces", "counts"),
    [(18, (13, 2, 3)), (60, (40, 8, 12)), (16, (11, 2, 3)), (4, (4, 0, 0)), (1, (1, 0, 0))],
)
def test_the_splits_follow_each_other(num_pieces, counts):
    found = [split_of(place, num_pieces) for place in range(num_pieces)]
    assert tuple(found.count(split) for split in SPLITS) == counts
    assert found == sorted(found, key=SPLITS.index)


def test_the_split_file_says_which_piece_is_where(tmp_path):
    path = tmp_path / "splits.json"
    path.write_text(make_splits(18, lambda place: f"{place + 1:02d}_*"), encoding="utf-8")
    splits = load_splits(str(path))
    small = load_splits("synthetic")
    for number in range(1, 19):
        name = f"{number:02d}_Dawn_vn_vc"
        assert splits.split_of(name) == small.split_of(name)
    with pytest.raises(ValueError, match="no list"):
        splits.split_of("19_Thistle_vn")


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--pieces=0"], "the number of pieces is 0; expected 1 to 99"),
        (["--secs=0.5"], "the length of a piece is 0.5 seconds; expected 1 to 3600"),
        (["--seed=-1"], "the seed is -1; expected 0 or more"),
        (["--secs=3601"], "the length of a piece is 3601.0 seconds"),
    ],
)
def test_impossible_sizes_are_refused(tmp_path, flags, complaint):
    out = tmp_path / "out"
    done = run_command("benchmarks.rendered_corpora", "--corpus=urmp", f"--out={out}", *flags)
    assert (done.returncode, out.exists()) == (1, False)
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def render():
    """Renders a corpus by the command, where that is possible."""
    if shutil.which(FLUIDSYNTH) is None:
        pytest.skip("fluidsynth is not installed (Debian: fluidsynth)")
    if not Path(DEFAULT_FONT).exists():
        pytest.skip(f"there is no {DEFAULT_FONT} (Debian: fluid-soundfont-gm)")

    def run(corpus, root, *sizes):
        flags = [f"--corpus={corpus}", f"--out={root}", *sizes]
        return run_command("benchmarks.rendered_corpora", *flags)

    return run


def contents(root):
    """The bytes of every file, by its path."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


@pytest.mark.slow
def test_pieces_sound_where_their_notes_are_and_are_taken_up_again(render, tmp_path):
    root = tmp_path / "pieces"
    sizes = ["--pieces=3", "--secs=4"]
    done = render("urmp", root, *sizes)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == f"The corpus in {root} is complete; its splits: {root / 'splits.json'}"
    pieces = sorted(path for path in root.iterdir() if path.is_dir())
    assert [path.name for path in pieces] == lines[:-1]
    for piece in pieces:
        require_notes_to_sound(piece)
    whole = contents(root)
    # What a kill leaves: a piece is missing, another is in the making.
    pieces[1].rename(root / f".{pieces[1].name}.partial")
    shutil.rmtree(pieces[2])
    done = render("urmp", root, *sizes)
    assert done.stdout.count(": there already") == 1
    assert contents(root) == whole
    font = tmp_path / "other.sf2"
    font.symlink_to(DEFAULT_FONT)
    done = render("urmp", root, *sizes, f"--font={font}")
    assert done.returncode == 1
    assert "rendered.json says " in done.stderr
    assert contents(root) == whole


def require_notes_to_sound(piece):
    """Compares the files of a piece with each other."""
    parts = sorted(piece.glob("AuSep_*.wav"))
    waveforms = [soundfile.read(path)[0] for path in parts]
    mixture, rate = soundfile.read(piece / f"AuMix_{piece.name}.wav")
    assert (rate, len(mixture)) == (48000, 192000)
    np.testing.assert_allclose(mixture, np.sum(waveforms, axis=0), atol=1e-6)
    peak = max(np.abs(waveform).max() for waveform in (mixture, *waveforms))
    assert peak == pytest.approx(0.8, abs=1e-5)
    for path, waveform in zip(parts, waveforms, strict=True):
        notes = np.loadtxt(path.with_name(path.stem.replace("AuSep", "Notes") + ".txt"), ndmin=2)
        first = np.flatnonzero(np.abs(waveform) > 1e-3)[0] / rate
        # Some begin softly.
        assert -0.01 < first - notes[0, 0] < 0.2


@pytest.mark.slow
def test_a_song_has_its_layout(render, tmp_path):
    done = render("musdb", tmp_path, "--pieces=1", "--secs=4")
    assert done.returncode == 0, done.stderr
    song = tmp_path / "test" / "Artist 00 - Dawn"
    sources = [soundfile.read(song / f"{name}.wav")[0] for name in instruments.MUSDB]
    mixture, rate = soundfile.read(song / "mixture.wav")
    assert (rate, mixture.shape) == (44100, (176400, 2))
    np.testing.assert_allclose(mixture, np.sum(sources, axis=0), atol=1e-4)
    assert all(np.abs(source).max() > 0.01 for source in sources)
