"""Scoring what another system wrote: the layout, every kind of bad input with its sentence and no
half table.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from configs.schema import Evaluation
from data_prep.storage.lock import held
from evaluation.classical.names import BLIND_NMF
from evaluation.estimates.from_folders import find_tracks
from evaluation.estimates.oracles import ORACLES
from evaluation.listening.archive import read_clips
from evaluation.listening.sounds import decode
from evaluation.scores.results import file_contents
from evaluation.scores.table import read_csv
from evaluation.scoring.one_segment import score_track
from evaluation.tasks.separation.folders import evaluate_folders
from tests.evaluation.scoring.test_one_track import same
from tests.support.commands import run_command, set_flags

RATE = 2000
SET = ["evaluation.filter_taps=16"]


def write(path, waveform, rate=RATE, subtype="FLOAT"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate, subtype=subtype)


@pytest.fixture
def corpus(tmp_path):
    """Two tracks of a duet, one with a mixture of its own and a slot that no reference has."""
    rng = np.random.default_rng(0)
    audio = {}
    for track, names in (("test/One", ("drums", "vocals")), ("test/Two", ("bass", "drums"))):
        for name in names:
            reference = 0.1 * rng.standard_normal((3 * RATE, 2))
            audio[track, name] = reference, reference + 0.03 * rng.standard_normal(reference.shape)
            for root, waveform in zip(("references", "estimates"), audio[track, name], strict=True):
                write(tmp_path / root / track / f"{name}.wav", waveform)
    write(tmp_path / "references/test/Two/mixture.wav", 0.5 * audio["test/Two", "bass"][0])
    write(tmp_path / "estimates/test/Two/mixture.wav", np.zeros((3, 1)))  # of no use, not looked at
    audio["test/Two", "zither"] = np.zeros((3 * RATE, 2)), 0.01 * rng.standard_normal((3 * RATE, 2))
    write(
        tmp_path / "estimates/test/Two/zither.flac",
        audio["test/Two", "zither"][1],
        subtype="PCM_24",
    )
    write(tmp_path / "references/train/Three/drums.wav", np.ones((9, 2)))
    return tmp_path, audio


def evaluate(folder, **options):
    return evaluate_folders(
        *(str(folder / name) for name in ("estimates", "references", "out")),
        options.pop("overrides", SET),
        **options,
    )


def test_scores_are_those_of_the_waveforms(corpus, capsys):
    folder, audio = corpus
    out = Path(evaluate(folder))
    assert "left out, without estimates: train/Three" in capsys.readouterr().out
    rows = read_csv(out / "scores.csv")
    assert {row.system for row in rows} == {"model", "mixture", "silence", *ORACLES}
    for track, vocabulary in (
        ("test/One", ("drums", "vocals")),
        ("test/Two", ("bass", "drums", "zither")),
    ):
        references, estimates = (
            np.stack([audio[track, name][i] for name in vocabulary]) for i in (0, 1)
        )
        mixture = references.sum(axis=0) if track == "test/One" else 0.5 * references[0]
        expected = score_track(
            track,
            mixture,
            references,
            {"model": estimates},
            vocabulary,
            RATE,
            Evaluation(filter_taps=16),
        )
        own = [row for row in rows if row.track == track and row.system not in ORACLES]
        assert same(own, expected, atol=1e-3)  # 24 and 32 bits
    described = json.loads((out / "scores.json").read_text())
    assert (described["sample_rate"], described["channels"], described["title"]) == (
        RATE,
        2,
        "estimates",
    )
    assert described["manifest"]["left out, without estimates"] == "train/Three"
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "estimates of another system" in report
    assert "step" not in report.split("</header>")[0]
    recordings = read_clips(out / "clips.zip")
    assert report.count("<audio") == 3 * len(recordings) > 6
    for recording in recordings:
        choice, part = recording.choice, slice(*recording.choice.frames(RATE, 3 * RATE))
        reference, estimate = (each[part] for each in audio[choice.track, choice.source])
        np.testing.assert_allclose(decode(recording.sounds["reference"])[0], reference, atol=1e-3)
        np.testing.assert_allclose(decode(recording.sounds["estimate"])[0], estimate, atol=1e-3)


@pytest.mark.slow
def test_methods_without_a_network_are_scored_where_they_can_be(corpus, capsys):
    folder, _ = corpus
    out = Path(evaluate(folder, baselines="classical"))
    said = capsys.readouterr().out
    assert "note: NMF is left out: it learns how each source sounds" in said
    assert "HPSS and REPET are left out: each makes two stems, and the tracks have 2 or 3" in said
    rows = read_csv(out / "scores.csv")
    assert {row.system for row in rows} == {"model", "mixture", "silence", BLIND_NMF, *ORACLES}
    assert "blind NMF, best assignment" in (out / "report.html").read_text(encoding="utf-8")


def test_finished_scores_are_not_made_again(corpus, capsys):
    folder, _ = corpus
    out = Path(evaluate(folder, baselines="none"))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "report.html").unlink()
    capsys.readouterr()
    evaluate(folder, baselines="none")
    assert "2 of 2 tracks scored before." in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (out / "scores.json").write_text("[")
    write(folder / "estimates/test/One/drums.wav", np.zeros((3 * RATE, 2)))
    evaluate(folder, baselines="none")
    assert "1/2 test/One scored" in capsys.readouterr().out
    assert (out / "scores.csv").read_bytes() != before["scores.csv"]


def rewrite_at_once(path, change):
    """Writes a file anew, of the same size and time."""
    before = path.stat()
    path.write_bytes(change(path.read_bytes()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def halve_the_end(data):
    """Halves the last of the values of 32 bits, in bytes."""
    return data[:-4] + (np.frombuffer(data[-4:], "<f4") / np.float32(2)).tobytes()


@pytest.mark.slow
def test_a_file_written_anew_with_the_same_size_and_time_is_scored_anew(tmp_path, capsys):
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, RATE // 2, 1))
    for name in ("One", "Two"):
        write(tmp_path / "references" / name / "bass.wav", noise[0])
        write(tmp_path / "estimates" / name / "bass.wav", noise[0] + 0.1 * noise[1])
    evaluate(tmp_path, baselines="none")
    before = (tmp_path / "out/scores.csv").read_bytes()
    os.utime(tmp_path / "estimates/One/bass.wav", ns=(0, 0))
    capsys.readouterr()
    evaluate(tmp_path, baselines="none")
    assert "2 of 2 tracks scored before." in capsys.readouterr().out
    rewrite_at_once(tmp_path / "references/Two/bass.wav", halve_the_end)
    evaluate(tmp_path, baselines="none")
    assert "2/2 Two scored" in capsys.readouterr().out
    assert (tmp_path / "out/scores.csv").read_bytes() != before


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("mixture.wav", halve_the_end),
        ("bass.mp3", lambda data: data[::-1]),
        ("drums.flac", lambda data: data[:10] + b"?" + data[11:]),
    ],
)
def test_what_is_in_a_file_tells_it_from_another_one(tmp_path, name, change):
    path = tmp_path / name
    path.write_bytes(np.random.default_rng(0).bytes(2**20 + 4))
    before = file_contents([path])
    path.write_bytes(path.read_bytes())
    assert file_contents([path]) == before
    rewrite_at_once(path, change)
    assert file_contents([path]) != before


@pytest.mark.slow
def test_silent_files_are_told_of_and_counted(corpus, capsys):
    folder, _ = corpus
    write(folder / "estimates/test/One/drums.wav", np.zeros((3 * RATE, 2)))
    write(folder / "references/test/Two/drums.wav", np.zeros((3 * RATE, 2)))
    rows = read_csv(Path(evaluate(folder, baselines="none")) / "scores.csv")
    printed = capsys.readouterr().out
    assert (
        "note: track test/One: the estimate of drums is silent wherever drums sounds, scored as 0 "
        "dB." in printed
    )
    assert (
        "note: track test/Two: drums never sounds, its estimate is scored by what it leaks."
        in printed
    )
    assert "zither never sounds" in printed
    found = {(row.track, row.source): row.status for row in rows if row.system == "model"}
    assert (found["test/One", "drums"], found["test/Two", "drums"]) == ("silent_estimate", "absent")


def remove(folder):
    (folder / "estimates/test/One/drums.wav").unlink()


def remove_all(folder):
    for path in folder.glob("estimates/**/*.*"):
        path.unlink()


def add_track(folder):
    write(folder / "estimates/test/Four/drums.wav", np.ones((9, 2)))


def spread(folder):
    write(folder / "estimates/drums.wav", np.ones((9, 2)))


def other_rate_of_all(folder):
    for path in folder.glob("*/test/One/*.wav"):
        write(path, np.ones((9, 2)), 4000)


@pytest.mark.slow
def test_a_system_that_estimates_some_sources_is_scored_on_those(tmp_path, capsys):
    rng = np.random.default_rng(0)
    references = 0.1 * rng.standard_normal((4, 2 * RATE, 2))
    estimate = references[3] + 0.05 * rng.standard_normal(references[3].shape)
    rest = references[:3].sum(axis=0) + 0.05 * rng.standard_normal(references[3].shape)
    for name, reference in zip(("bass", "drums", "other", "vocals"), references, strict=True):
        write(tmp_path / "references/One" / f"{name}.wav", reference)
    write(tmp_path / "estimates/One/vocals.wav", estimate)
    with pytest.raises(ValueError, match="add accompaniment to every track, such as the mix"):
        evaluate(tmp_path, overrides=[*SET, "evaluation.museval_compatible=true"])
    write(tmp_path / "estimates/One/residual.wav", rest)  # as evaluation.separate adds it
    alone = read_csv(Path(evaluate(tmp_path, baselines="none")) / "scores.csv")
    told = capsys.readouterr().out
    assert "note: there are no estimates of bass, drums, other: together they are" in told
    assert {row.source for row in alone} == {"vocals"}
    # As where the references themselves are two.
    whole = tmp_path / "whole"
    write(whole / "references/One/vocals.wav", references[3])
    write(whole / "references/One/accompaniment.wav", references[:3].sum(axis=0))
    for folder in (tmp_path, whole):
        write(folder / "estimates/One/vocals.wav", estimate)
        write(folder / "estimates/One/accompaniment.wav", rest)
    both = read_csv(Path(evaluate(tmp_path, baselines="none")) / "scores.csv")
    expected = read_csv(Path(evaluate(whole, baselines="none")) / "scores.csv")
    assert {row.source for row in both} == {"accompaniment", "vocals"}
    assert same(both, expected, atol=1e-3)
    vocals = [row for row in expected if (row.system, row.source) == ("model", "vocals")]
    assert same([row for row in alone if row.system == "model"], vocals, atol=1e-3)


@pytest.mark.slow
def test_estimates_that_are_a_little_off_are_padded_or_cut_and_it_is_said(corpus, capsys):
    folder, audio = corpus
    rows = read_csv(Path(evaluate(folder, baselines="none")) / "scores.csv")
    capsys.readouterr()
    path = folder / "estimates/test/One/drums.wav"
    (_, estimate) = audio["test/One", "drums"]
    write(path, np.concatenate([estimate, np.ones((RATE // 10, 2))]))
    longer = read_csv(Path(evaluate(folder, baselines="none")) / "scores.csv")
    told = "note: 1 file of other lengths than the first of their track, by 200 frames at most, as "
    assert f"{told}{path}: padded with zeros or cut." in capsys.readouterr().out
    assert same(longer, rows, atol=1e-3)
    write(path, estimate[:-7])
    shorter = read_csv(Path(evaluate(folder, baselines="none")) / "scores.csv")
    assert "by 7 frames at most" in capsys.readouterr().out
    silent = estimate.copy()
    silent[-7:] = 0
    write(path, silent)
    assert same(
        shorter, read_csv(Path(evaluate(folder, baselines="none")) / "scores.csv"), atol=1e-3
    )


NAN = np.where(np.arange(3 * RATE)[:, None] == 2500, np.nan, np.ones((1, 2)))
BAD = {
    "shorter": (
        np.ones((3 * RATE - RATE // 10 - 1, 2)),
        RATE,
        r"bass\.wav has 5,799 frames of 2 channels at 2000 Hz, but .* 6,000",
    ),
    "mono": (
        np.ones((3 * RATE, 1)),
        RATE,
        r"bass\.wav has 6,000 frames of 1 channel at 2000 Hz, but .* of 2 ",
    ),
    "other rate": (
        np.ones((3 * RATE, 2)),
        4000,
        r"bass\.wav has 6,000 frames of 2 channels at 4000 Hz, but .*expected",
    ),
    "nan": (
        NAN,
        RATE,
        r"test/Two/bass\.wav has a value that is not a finite number at 1\.250 s; mend the file",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_estimate_is_one_sentence_and_no_table(corpus, name):
    folder, _ = corpus
    waveform, rate, message = BAD[name]
    # The last track, so that one before it could be scored first.
    write(folder / "estimates/test/Two/bass.wav", waveform, rate)
    with pytest.raises(ValueError, match=message):
        evaluate(folder)
    assert not list(folder.glob("out/*.csv"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove, r"the track test/One lacks the estimate of drums; every source"),
        (
            remove_all,
            r"estimates holds no sound files; expected .*estimates/TRACK/SOURCE\.wav",
        ),
        (add_track, r"references has no track test/Four, which .*estimates has"),
        (spread, r"estimates/drums\.wav lies in no folder of a track"),
        (
            other_rate_of_all,
            r"the track test/Two has 2 channels at 2000 Hz, test/One has 2 at 4000 Hz; score them apart",
        ),
        (
            lambda folder: write(
                folder / "estimates/test/One/drums.flac", np.zeros((9, 2)), subtype="PCM_16"
            ),
            r"One/drums\.flac and .*One/drums\.wav are both drums of test/One",
        ),
        (
            lambda folder: (folder / "references/test/Two/bass.M4A").write_bytes(b""),
            r"Two/bass\.M4A and .*Two/bass\.wav are both bass of test/Two",
        ),
        (
            lambda folder: write(
                folder / "references/test/Two/mixture.ogg", np.zeros((9, 2)), subtype="VORBIS"
            ),
            r"Two/mixture\.ogg and .*Two/mixture\.wav are both mixture of test/Two",
        ),
        (
            lambda folder: (folder / "references/test/One/drums.wav").write_text("?"),
            r"drums\.wav is no sound file that can be decoded",
        ),
        (
            lambda folder: (
                [p.unlink() for p in folder.glob("*/test/One/*")]
                + [
                    write(folder / "estimates/test/One/a.wav", NAN),
                    write(folder / "references/test/One/mixture.wav", NAN),
                ]
            ),
            "lacks a reference of any source",
        ),
        (
            lambda folder: [write(p, np.ones((0, 2))) for p in folder.glob("*/test/One/*")],
            "holds no audio frames",
        ),
    ],
)
def test_a_bad_layout_is_one_sentence(corpus, change, message):
    folder, _ = corpus
    change(folder)
    with pytest.raises(ValueError, match=message):
        find_tracks(folder / "estimates", folder / "references")


def command(folder, *arguments):
    flags = (f"--{name}={folder / name}" for name in ("estimates", "references", "out"))
    return ["evaluation.evaluate", *flags, *set_flags(SET), *arguments]


@pytest.mark.slow
def test_the_command_is_stopped_and_continued(corpus):
    """Killed between two tracks, for real; what was scored is not scored again, and nothing but the
    results is left.
    """
    folder, _ = corpus
    expected = read_csv(Path(evaluate(folder)) / "scores.csv")
    (folder / "out/scores.csv").unlink()
    with subprocess.Popen(
        [sys.executable, "-m", *command(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        lines = iter(process.stdout.readline, "")
        assert any(line.startswith("1/2 test/One scored") for line in lines)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("it was done before it could be stopped")
    assert (process.returncode, errors) == (75, "interrupted; the same command continues.\n")
    assert not (folder / "out/scores.csv").exists()
    result = run_command(*command(folder))
    assert result.returncode == 0, result.stderr
    assert "1 of 2 tracks scored before." in result.stdout
    assert same(read_csv(folder / "out/scores.csv"), expected)
    names = {path.name for path in (folder / "out").iterdir()}
    assert names == {
        "clips.zip",
        "scores.csv",
        "scores.json",
        "report.html",
        "report.md",
        "report.json",
    }


def test_the_command_says_what_it_needs(corpus):
    folder, _ = corpus
    for arguments in (
        ["--workdir=runs/a"],
        ["--audit"],
        ["--set=train.steps=3"],
        ["--set=evaluation.hop_secs=2"],
    ):
        result = run_command(*command(folder, *arguments))
        assert result.returncode == 1
        assert result.stderr.startswith("error: ")
        assert len(result.stderr.splitlines()) == 1


def test_scoring_files_needs_no_tensorflow():
    """Its process would take 700 MB more, and leave as much less to the workers."""
    script = "import sys, evaluation.tasks.separation.folders; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_of_two_evaluations_into_one_folder_one_is_refused(corpus):
    folder, _ = corpus
    out = folder / "out"
    with (
        held(str(out), "--out"),
        pytest.raises(ValueError, match=rf"^expected no other job at work in {out}, .*--out\.$"),
    ):
        evaluate(folder)
    assert not out.exists() or list(out.iterdir()) == []
