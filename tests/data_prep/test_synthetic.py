import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from configs import instruments
from configs.splits import load_splits
from data_prep.audio.decoding import decode
from data_prep.storage.lock import held
from data_prep.synthesis.composition import Harmony, line_ups, make_harmony, melody
from data_prep.synthesis.controls import KINDS
from data_prep.synthesis.timbres import URMP, Note, play
from data_prep.synthetic import (
    write_controls,
    write_drums,
    write_musdb,
    write_patches,
    write_urmp,
)
from tests.support.commands import run_command

PROJECT = Path(__file__).parents[2]


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def read_ints(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int32", always_2d=True)[0]


def test_urmp_has_the_true_layout(tmp_path):
    write_urmp(tmp_path / "urmp", num_pieces=12, secs=1)
    folders = sorted(path for path in (tmp_path / "urmp").iterdir() if path.is_dir())
    assert [folder.name[:8] for folder in folders[:2]] == ["01_Dawn_", "02_Harbo"]
    assert folders[10].name.startswith("11_DawnB_")
    for folder in folders:
        number, tune, *players = folder.name.split("_")
        title = f"{number}_{tune}"
        expected = {f"AuMix_{folder.name}.wav"}
        for k, player in enumerate(players, 1):
            expected |= {f"AuSep_{k}_{player}_{title}.wav", f"Notes_{k}_{player}_{title}.txt"}
        assert {path.name for path in folder.iterdir()} == expected
        for path in folder.glob("*.wav"):
            info = soundfile.info(path)
            assert (info.samplerate, info.channels, info.subtype, info.frames) == (
                48000,
                1,
                "PCM_24",
                48000,
            )


def test_urmp_notes_say_what_is_played(tmp_path):
    write_urmp(tmp_path / "urmp", num_pieces=1, secs=3)
    for path in (tmp_path / "urmp").rglob("Notes_*.txt"):
        rows = np.loadtxt(path, ndmin=2)
        timbre = URMP[path.name.split("_")[2]]
        pitches = 69 + 12 * np.log2(rows[:, 1] / 440)
        assert np.all((pitches > timbre.low - 0.01) & (pitches < timbre.high + 0.01))
        assert np.all(np.diff(rows[:, 0]) > 0)
        part = soundfile.read(
            path.with_name(path.name.replace("Notes", "AuSep")).with_suffix(".wav")
        )[0]
        sounding = np.zeros(len(part), bool)
        for start, _, length in rows:
            sounding[max(0, int(start * 48000) - 100) : int((start + length) * 48000) + 100] = True
        assert not part[~sounding].any()
        assert np.mean(part[sounding] ** 2) > 1e-5


@pytest.mark.parametrize("bits", [16, 24])
def test_mixtures_are_the_exact_sum_and_do_not_clip(tmp_path, bits):
    root = tmp_path / "corpus"
    if bits == 24:
        write_urmp(root, num_pieces=5, secs=2, seed=3)
    else:
        write_musdb(root, num_pieces=3, secs=2, seed=3)
    mixtures = [path for path in root.rglob("*.wav") if "mix" in path.name.lower()]
    assert len(mixtures) == (5 if bits == 24 else 3)
    for mixture in mixtures:
        parts = [
            read_ints(path) >> (32 - bits)
            for path in mixture.parent.glob("*.wav")
            if path != mixture
        ]
        total = read_ints(mixture) >> (32 - bits)
        assert np.array_equal(total, np.sum(parts, axis=0))
        assert 0.3 * 2 ** (bits - 1) < np.abs(total).max() < 0.9 * 2 ** (bits - 1)
        assert all(0 < np.abs(part).max() < 0.9 * 2 ** (bits - 1) for part in parts)


def test_musdb_has_the_true_layout(tmp_path):
    write_musdb(tmp_path / "musdb", num_pieces=4, secs=1)
    wavs = {
        str(path.relative_to(tmp_path / "musdb")): soundfile.info(path)
        for path in tmp_path.rglob("*.wav")
    }
    names = ["mixture", *instruments.MUSDB]
    songs = ["train/Artist 00 - Dawn", "train/Artist 01 - Harbour", "train/Artist 02 - Lantern"]
    assert set(wavs) == {
        f"{song}/{name}.wav" for song in [*songs, "test/Artist 03 - Meadow"] for name in names
    }
    for info in wavs.values():
        assert (info.samplerate, info.channels, info.subtype, info.frames) == (
            44100,
            2,
            "PCM_16",
            44100,
        )


@pytest.mark.parametrize("seed", range(20))
def test_line_ups_cover_the_instruments(seed):
    pieces = line_ups(18, seed)
    splits = load_splits("synthetic")
    by_split: dict[str, list[list[str]]] = {"train": [], "valid": [], "test": []}
    for i, players in enumerate(pieces, 1):
        assert players == sorted(players)
        assert 2 <= len(players) <= 4
        assert len(set(players)) >= 2
        by_split[splits.split_of(f"{i:02d}_Dawn_{'_'.join(players)}")].append(players)
    assert [len(by_split[split]) for split in ("train", "valid", "test")] == [13, 2, 3]
    assert {name for players in pieces[:7] for name in players} == set(instruments.URMP)
    assert any(len(set(players)) < len(players) for players in pieces)
    assert line_ups(5, seed) == pieces[:5]


def test_chords_follow_each_other_in_their_key():
    harmony = Harmony(root=2, chords=((0, 4, 7), (5, 9, 0)), beat_secs=0.5)
    d_major, g_major = [62, 66, 69, 74], [62, 67, 71, 74]
    assert [harmony.pitches(secs, 60, 74) for secs in (0, 1.9, 2.1, 4.1)] == [
        d_major,
        d_major,
        g_major,
        d_major,
    ]


def test_parts_share_their_harmony():
    rng = np.random.default_rng(0)
    harmony = make_harmony(rng)
    for low, high in ((28, 50), (60, 88)):
        notes = melody(harmony, low, high, 30, rng, rest=0.3)
        assert all(note.pitch in harmony.pitches(note.start_secs, low, high) for note in notes)
        assert all(
            before.start_secs + before.secs <= after.start_secs for before, after in pairwise(notes)
        )
        gaps = [
            after.start_secs - before.start_secs - before.secs for before, after in pairwise(notes)
        ]
        assert max(gaps) > 0.2  # a rest, not only the breath between two notes


def test_a_tone_has_its_pitch():
    steady = URMP["cl"]
    tone = play([Note(0, 1, 69)], steady, 48000, 48000, np.random.default_rng(1))
    spectrum = np.abs(np.fft.rfft(tone))
    peaks = {order: spectrum[440 * order - 10 : 440 * order + 11].max() for order in (1, 2, 3)}
    assert abs(int(spectrum[:600].argmax()) - 440) <= 8  # detuned by a few cents
    assert peaks[2] < 0.2 * min(peaks[1], peaks[3])  # the clarinet's even harmonics are weak
    assert spectrum[:400].max() < 0.2 * peaks[1]


def test_a_note_beyond_the_end_is_cut():
    part = play(
        [Note(0.5, 2, 60), Note(3, 1, 60)], URMP["vn"], 48000, 48000, np.random.default_rng(0)
    )
    assert part.shape == (48000,)
    assert not part[:24000].any()
    assert part[30000:].any()


def test_the_seed_decides_every_sample(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_musdb(tmp_path / name, num_pieces=1, secs=1, seed=seed)
    a, b, c = (snapshot(tmp_path / name) for name in "abc")
    assert a == b
    assert a.keys() == c.keys()
    assert all(a[name] != c[name] for name in a)


def test_instruments_differ_enough_to_be_learnt(tmp_path):
    """Static filters, one per instrument, made from the training pieces alone, separate held-out
    pieces by 5 dB.
    """
    write_urmp(tmp_path / "urmp", secs=6)
    splits = load_splits("synthetic")
    spectra: dict[str, list[np.ndarray]] = {}
    held_out = []
    for folder in sorted(path for path in (tmp_path / "urmp").iterdir() if path.is_dir()):
        sources: dict[str, np.ndarray] = {}
        for path in folder.glob("AuSep_*.wav"):
            name, part = path.name.split("_")[2], np.fft.rfft(soundfile.read(path)[0])
            sources[name] = sources.get(name, 0) + part
        if splits.split_of(folder.name) != "train":
            held_out.append(sources)
            continue
        for name, source in sources.items():
            power = np.abs(source[: 144000 // 60 * 60]).reshape(-1, 60) ** 2  # bands of 10 Hz
            spectra.setdefault(name, []).append(power.mean(1) / power.mean())
    gains = []
    for sources in held_out:
        power = {name: np.repeat(np.mean(spectra[name], 0), 60) for name in sources}
        total, mixture = sum(power.values()), sum(sources.values())[:144000]
        for name, source in sources.items():
            error = np.abs(mixture * power[name] / total - source[:144000]) ** 2
            gains.append(
                10 * np.log10(np.sum(np.abs(mixture - source[:144000]) ** 2) / error.sum())
            )
    assert np.median(gains) > 5


@pytest.mark.parametrize("write", [write_urmp, write_musdb])
def test_a_second_call_continues(tmp_path, write):
    root = tmp_path / "corpus"
    write(root, num_pieces=4, secs=1)
    whole = snapshot(root)
    folders = sorted(path.parent for path in root.rglob("*ix*.wav"))
    kept = folders[0].stat().st_mtime_ns
    for path in folders[1].iterdir():
        path.unlink()
    folders[1].rename(root / f".{folders[1].name}.partial")  # what an interrupted call leaves
    (root / f".{folders[1].name}.partial" / "half.wav").write_bytes(b"RIFF")
    write(root, num_pieces=4, secs=1)
    assert snapshot(root) == whole
    assert folders[0].stat().st_mtime_ns == kept
    assert not list(root.glob(".*"))


def test_a_corpus_of_other_content_is_not_continued(tmp_path):
    write_urmp(tmp_path / "urmp", num_pieces=1, secs=1)
    before = snapshot(tmp_path)
    for change in ({"secs": 2}, {"seed": 1}, {"num_pieces": 2}):
        with pytest.raises(
            ValueError, match=r"synthetic\.json says .*was asked for; give another folder"
        ):
            write_urmp(tmp_path / "urmp", **{"num_pieces": 1, "secs": 1, **change})
    with pytest.raises(ValueError, match="was asked for"):
        write_musdb(tmp_path / "urmp", num_pieces=1, secs=1)
    assert snapshot(tmp_path) == before


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(ValueError, match="not written here; expected an empty or new folder"):
        write_musdb(tmp_path, num_pieces=1, secs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"num_pieces": 0}, "number of pieces is 0; expected 1 to 99"),
        ({"num_pieces": 100}, "number of pieces is 100; expected 1 to 99"),
        ({"secs": 0.5}, r"is 0\.5 seconds; expected 1 to 3600"),
        ({"secs": float("nan")}, "is nan seconds; expected 1 to 3600"),
        ({"secs": 1e300}, r"is 1e\+300 seconds; expected 1 to 3600"),
        ({"seed": -1}, "seed is -1; expected 0 or more"),
    ],
)
def test_impossible_sizes_are_refused(tmp_path, asked, complaint):
    with pytest.raises(ValueError, match=complaint):
        write_urmp(tmp_path / "urmp", **asked)
    assert not (tmp_path / "urmp").exists()


def run_python(*args: str, **kwargs) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **kwargs,
    )


def test_command_writes_a_corpus(tmp_path):
    out = str(tmp_path / "musdb")
    done = run_command(
        "data_prep.synthetic", "--corpus=musdb", f"--out={out}", "--pieces=2", "--secs=1"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["Artist 00 - Dawn", "Artist 01 - Harbour"]
    write_musdb(tmp_path / "same", num_pieces=2, secs=1)
    assert snapshot(tmp_path / "musdb") == snapshot(tmp_path / "same")


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--corpus=urmp"], "--out"),
        (
            ["--corpus=bach", "--out=x"],
            "<urmp|musdb|moisesdb|slakh|medleydb|instruments|csv|drums|controls>",
        ),
        (["--corpus=urmp", "--out=x", "--secs=long"], "--secs=long"),
        (["--corpus=urmp", "--out=x", "--peices=2"], "peices"),
        (["--corpus=urmp", "--out=x", "y"], "'y' is no flag"),
        (["--corpus=urmp", "--out=x", "--pieces=0"], "expected 1 to 99"),
        (["--corpus=drums", "--out=x", "--pieces=1000"], "expected 1 to 999"),
        (["--corpus=drums", "--out=x", "--secs=20"], "is 20.0 seconds; expected 0.05 to 10"),
        (["--corpus=urmp", "--out=x", "--patches=docs"], "--patches is for drums; leave it out"),
        (["--corpus=drums", "--out=x", "--patches=docs", "--pieces=2"], "leave out --pieces"),
        (["--corpus=drums", "--out=x", "--patches=none"], "there is no folder none"),
        (["--corpus=drums", "--out=x", "--patches=docs"], "docs holds no .ds files"),
        (
            ["--corpus=urmp", "--out=pyproject.toml"],
            "pyproject.toml is a file; expected a folder, or nothing yet.",
        ),
        (
            ["--corpus=urmp", "--out=pyproject.toml/x"],
            "pyproject.toml is a file; expected a folder, or nothing yet.",
        ),
    ],
)
def test_command_says_errors_in_one_sentence(args, complaint):
    done = run_command("data_prep.synthetic", *args)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr


def test_command_explains_itself():
    done = run_command("data_prep.synthetic", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "python -m data_prep.synthetic --corpus=urmp --out=" in done.stdout
    assert all(
        f"--{name}:" in done.stdout
        for name in ("corpus", "out", "pieces", "secs", "seed", "patches")
    )


def test_an_interrupted_command_is_resumable(tmp_path):
    args = [
        sys.executable,
        "-m",
        "data_prep.synthetic",
        "--corpus=urmp",
        f"--out={tmp_path / 'urmp'}",
        "--pieces=99",
    ]
    # A shell that runs the tests in the background has SIGINT ignored, which children inherit.
    default = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(args, cwd=PROJECT, preexec_fn=default, **pipes) as process:
        assert process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 75
    assert stderr == "interrupted; the same command continues.\n"


def test_faults_of_the_program_keep_their_traceback():
    script = "from data_prep.runtime import command; command.run(lambda argv: {}['missing'])"
    done = run_python("-c", script)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "KeyError" in done.stderr


def test_verbosity_shows_where_an_error_came_from():
    script = "from data_prep.runtime import command; command.run(lambda argv: int('many'))"
    assert "Traceback" not in run_python("-c", script).stderr
    done = run_python("-c", script, "--verbosity=1")
    assert done.stderr.startswith("error: invalid literal for int()")
    assert "Traceback" in done.stderr


def test_commands_start_without_tensorflow():
    done = run_python(
        "-c",
        "import sys, data_prep.runtime.command, data_prep.synthetic; sys.exit('tensorflow' in "
        "sys.modules)",
    )
    assert done.returncode == 0


def test_of_two_jobs_in_one_folder_one_is_refused(tmp_path):
    out = tmp_path / "out"
    flags = ["--corpus=urmp", f"--out={out}", "--pieces=1", "--secs=1"]
    with held(str(out), beside=True):
        result = run_command("data_prep.synthetic", *flags)
    assert (result.returncode, out.exists()) == (1, False)
    assert result.stderr.startswith(f"error: expected no other job at work in {out}, ")
    assert run_command("data_prep.synthetic", *flags).returncode == 0
    assert sorted(path.suffix for path in out.iterdir()) == ["", ".json"]


def test_controls_are_the_same_everywhere(tmp_path: Path) -> None:
    write_controls(tmp_path / "controls", num_pieces=2, secs=2.0)
    folders = sorted(path.name for path in (tmp_path / "controls").iterdir() if path.is_dir())
    assert folders == sorted(KINDS)
    for kind in KINDS:
        first, second = sorted((tmp_path / "controls" / kind).iterdir())
        (one, rate, _), (other, _, _) = decode(first), decode(second)
        assert rate == 16000
        assert not np.array_equal(one, other)
        # The spectra of both halves are alike, but for chance.
        middle = len(one) // 2
        _, densities = scipy.signal.welch(
            np.stack([one[:middle, 0], one[middle : 2 * middle, 0]]), rate, nperseg=1024
        )
        loud = densities[0] > 1e-3 * densities.max()
        ratios = 10 * np.log10(densities[1, loud] / densities[0, loud])
        assert np.abs(ratios).mean() < 2
        if kind.startswith("tone_"):
            peak_hz = np.argmax(densities[0]) * rate / 1024
            assert abs(peak_hz - float(kind.removeprefix("tone_"))) < 16
    # Given again, it is there already.
    before = sorted((tmp_path / "controls").rglob("*"))
    write_controls(tmp_path / "controls", num_pieces=2, secs=2.0)
    assert sorted((tmp_path / "controls").rglob("*")) == before


def test_drums_are_kits_of_single_sounds(tmp_path: Path) -> None:
    root = tmp_path / "drums"
    write_drums(root, num_pieces=2, secs=0.3)
    assert sorted(path.name for path in root.iterdir()) == [
        "kit_001",
        "kit_002",
        "synthetic.json",
    ]
    classes = {"kick", "snare", "tom", "hat", "cymbal", "clap"}
    for kit in (root / "kit_001", root / "kit_002"):
        assert {path.name for path in kit.iterdir()} == classes
        paths = sorted(kit.rglob("*.wav"))
        assert 10 <= len(paths) <= 14
        for path in paths:
            info = soundfile.info(path)
            assert (info.samplerate, info.channels, info.subtype) == (44100, 1, "PCM_24")
            assert 0 < info.frames <= 13230
            assert np.abs(soundfile.read(path)[0]).max() == pytest.approx(0.891, abs=0.001)
    whole = snapshot(root)
    # What an interrupted call leaves is made anew, and what is whole stays.
    kept = (root / "kit_001").stat().st_mtime_ns
    (root / "kit_002").rename(root / ".kit_002.partial")
    write_drums(root, num_pieces=2, secs=0.3)
    assert snapshot(root) == whole
    assert (root / "kit_001").stat().st_mtime_ns == kept


def test_patches_become_kits_and_bad_ones_are_named(tmp_path: Path, capsys) -> None:
    beep = "[General]\nVersion=DrumSynth v2.0\n[Tone]\nOn=1\nEnvelope=0,100 4410,0\n"
    patches = tmp_path / "patches"
    for name in ("one/old/Kick.ds", "one/new/kick.ds", "two/Snare2.ds", "Tom.DS"):
        (patches / name).parent.mkdir(parents=True, exist_ok=True)
        (patches / name).write_text(beep)
    (patches / "two" / "odd_hat.ds").write_text(beep + "F1=low\n")
    for _ in range(2):
        with pytest.raises(ValueError, match="1 of 5 patches could not be read and are left out"):
            write_patches(tmp_path / "out", patches)
        assert "odd_hat.ds: [Tone] F1 is 'low'; expected" in capsys.readouterr().err
    written = {name for name in snapshot(tmp_path / "out") if name.endswith(".wav")}
    assert written == {
        "one/kick/01_kick.wav",
        "one/kick/02_Kick.wav",
        "two/snare/01_Snare2.wav",
        "patches/tom/01_Tom.wav",
    }
    # Of mended patches no corpus of the former ones is made up.
    (patches / "two" / "odd_hat.ds").write_text(beep)
    with pytest.raises(ValueError, match="was asked for; give another folder"):
        write_patches(tmp_path / "out", patches)
    write_patches(tmp_path / "all", patches)
    assert (tmp_path / "all" / "two" / "hat" / "01_odd_hat.wav").exists()
