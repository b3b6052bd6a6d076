"""Files of tones, and what a tagger that hears tones writes of them."""

import csv
import json
import re
from copy import copy

import numpy as np
import pytest
import soundfile
from PIL import Image

import configs
from evaluation.taggrams.batch import WantedTags, tag_files
from evaluation.taggrams.forms import FORMS
from evaluation.taggrams.picture import WIDTH
from tests.evaluation.taggrams.tone_run import (
    HIGH_HZ,
    HOP,
    LOW_HZ,
    RATE,
    SETTINGS,
    make_run,
    tone,
)
from tests.support.commands import run_command
from trainer.tasks.tagging.tagger import Tagger

COLUMN_SECS = HOP / RATE
# When each tone begins and ends.
LOW_SECS = (0.5, 2.25)
HIGH_SECS = (1.5, 3.0)
LENGTH_SECS = 4.0


def write_song(path, rate=RATE, channels=1, **options):
    """A low tone, and a high one that begins while it sounds, in the first and last channels."""
    waveform = np.zeros((round(LENGTH_SECS * rate), channels), np.float32)
    for hz, (start, stop), where in (
        (LOW_HZ, LOW_SECS, slice(0, 2)),
        (HIGH_HZ, HIGH_SECS, slice(-2, None)),
    ):
        first = round(start * rate)
        sound = tone(hz, stop - start, rate)
        waveform[first : first + len(sound), where] += sound[:, None]
    soundfile.write(path, waveform, rate, **options)
    return path


def tag(tagger, paths, out, forms=FORMS, **options):
    tag_files(tagger, paths, WantedTags(forms, str(out), **options))


def read_spans(path):
    """The spans of an Audacity label track by their names."""
    spans = {}
    for line in path.read_text().splitlines():
        start, stop, name = line.split("\t")
        assert re.fullmatch(r"\d+\.\d{6}", start)
        assert re.fullmatch(r"\d+\.\d{6}", stop)
        spans.setdefault(name, []).append((float(start), float(stop)))
    return spans


def read_csv(path):
    """The names and numbers of a CSV."""
    head, *rows = csv.reader(path.open(newline=""))
    return head, np.array(rows, float)


def identical(folder):
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "rate", "channels", "options"),
    [
        ("a.wav", RATE, 1, {}),
        ("a.flac", 44100, 2, {}),
        ("a.wav", 16000, 3, {"subtype": "FLOAT"}),
        # It ends a little later, so that another window is compiled.
        pytest.param("a.ogg", 22050, 1, {}, marks=pytest.mark.slow),
    ],
)
def test_tones_are_heard_when_they_sound(tagger, tmp_path, capsys, name, rate, channels, options):
    path = write_song(tmp_path / name, rate, channels, **options)
    out = tmp_path / "out"
    tag(tagger, [path], out, ["csv", "txt"])
    assert capsys.readouterr().out == f"{name}: 0:00:04, cl 44%, vn 38%\n"
    head, rows = read_csv(out / "a.csv")
    assert head == ["seconds", "cl", "fl", "vn"]
    np.testing.assert_allclose(rows[:, 0], np.arange(len(rows)) * COLUMN_SECS, atol=1e-6)
    assert len(rows) == pytest.approx(LENGTH_SECS / COLUMN_SECS, abs=2 if "ogg" in name else 0)
    for column, (start, stop) in ((1, LOW_SECS), (3, HIGH_SECS)):
        (heard,) = np.nonzero(rows[:, column] >= 0.5)
        assert heard[0] == pytest.approx(round(start / COLUMN_SECS), abs=1)
        assert heard[-1] == pytest.approx(round(stop / COLUMN_SECS), abs=1)
        assert len(heard) == heard[-1] - heard[0] + 1
    spans = read_spans(out / "a.txt")
    assert set(spans) == {"clarinet", "violin"}
    for name_of, expected in (("clarinet", LOW_SECS), ("violin", HIGH_SECS)):
        (span,) = spans[name_of]
        assert span == pytest.approx(expected, abs=1.5 * COLUMN_SECS)


def test_the_json_file_says_what_it_follows_from(tagger, workdir, tmp_path):
    out = tmp_path / "out"
    tag(tagger, [write_song(tmp_path / "a.wav", 16000, 2)], out, ["csv", "json", "txt"])
    values = json.loads((out / "a.json").read_text())
    assert values["run"] == {
        "workdir": str(workdir),
        "experiment": "smoke_tagger",
        "step": 0,
        "weights": "average",
    }
    assert (values["seconds"], values["sample_rate"], values["channels"]) == (4.0, 16000, 2)
    assert values["column_seconds"] == COLUMN_SECS
    assert values["labels"] == ["cl", "vn"]
    assert values["thresholds"] == dict.fromkeys(("cl", "fl", "vn"), 0.5)
    _, rows = read_csv(out / "a.csv")
    shares = (rows[:, 1:] >= 0.5).mean(axis=0)
    assert list(values["shares"].values()) == pytest.approx(shares)
    reached = np.quantile(rows[:, 1:], 0.9, axis=0, method="higher")
    assert list(values["probabilities"].values()) == pytest.approx(reached, abs=1e-6)
    spans = {"clarinet": values["spans"]["cl"], "violin": values["spans"]["vn"]}
    assert {name: [tuple(span) for span in found] for name, found in spans.items()} == read_spans(
        out / "a.txt"
    )
    assert set(values["spans"]) == {"cl", "vn"}


def test_the_picture_shows_both_over_the_same_pixels(tagger, tmp_path):
    path = tmp_path / "a.wav"
    waveform = np.zeros(round(LENGTH_SECS * RATE), np.float32)
    waveform[RATE : 2 * RATE] = tone(LOW_HZ, 1.0)
    soundfile.write(path, waveform, RATE)
    tag(tagger, [path], tmp_path / "out", ["png"])
    pixels = np.asarray(Image.open(tmp_path / "out" / "a.png").convert("RGB")).astype(int)

    def columns_of(colour):
        """The first and the last pixel column with many pixels of a colour."""
        counts = (np.abs(pixels - colour).sum(axis=2) < 6).sum(axis=0)
        (found,) = np.nonzero(counts > 3)
        return found

    wave = columns_of(np.array([70, 90, 120]))
    heard = columns_of(np.array([200, 70, 20]))
    # Those of the scale at the top lie behind the middle of this song.
    heard = heard[heard < wave[0] + WIDTH / 2]
    one_column = WIDTH * COLUMN_SECS / LENGTH_SECS
    assert abs(heard[0] - wave[0]) <= 1.5 * one_column
    assert abs(heard[-1] - wave[-1]) <= 1.5 * one_column
    assert wave[-1] - wave[0] + 1 == pytest.approx(WIDTH / 4, abs=1)


@pytest.mark.slow
@pytest.mark.parametrize("frames", [1, 70])
def test_what_is_shorter_than_a_column_has_files_too(tagger, tmp_path, frames, capsys):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(frames, 0.1), 48000)
    tag(tagger, [path], tmp_path / "out")
    assert capsys.readouterr().out.startswith("a.wav: 0:00:00, ")
    names = {each.name for each in (tmp_path / "out").iterdir()}
    assert names == {*(f"a.{form}" for form in FORMS), "tagged.list"}


def test_a_broken_file_leaves_the_others(tagger, tmp_path, capsys):
    paths = [write_song(tmp_path / f"{name}.wav") for name in ("a", "b", "c")]
    paths[1].write_text("no sound")
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=r"^1 of 3 were not heard: .*b\.wav is no sound file"):
        tag(tagger, paths, out, ["txt"])
    assert sorted(path.name for path in out.iterdir()) == ["a.txt", "c.txt", "tagged.list"]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["a.wav", "c.wav"]


def test_what_breaks_on_the_way_leaves_nothing(tagger, tmp_path):
    waveform = np.zeros(4 * RATE, np.float32)
    waveform[-1] = np.nan
    soundfile.write(tmp_path / "a.wav", waveform, RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"a\.wav holds values that are not finite"):
        tag(tagger, [tmp_path / "a.wav"], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_missing_of_a_file_is_told(tagger, tmp_path, capsys):
    path = write_song(tmp_path / "a.wav")
    content = path.read_bytes()
    path.write_bytes(content[:-3200])
    tag(tagger, [path], tmp_path / "out", ["txt"])
    assert f"warning: {path} is cut short: it ends at 3.80 s" in capsys.readouterr().err


def test_finished_files_are_not_made_again(tagger, tmp_path, capsys, monkeypatch):
    path = write_song(tmp_path / "a.wav")
    out = tmp_path / "out"
    tag(tagger, [path], out, ["csv", "json"])
    before = identical(out)
    # The rest is made, what is there stays.
    tag(tagger, [path], out, ["csv", "json", "txt"])
    after = identical(out)
    assert {name: after[name] for name in ("a.csv", "a.json")} == {
        name: before[name] for name in ("a.csv", "a.json")
    }
    assert "a.txt" in after
    capsys.readouterr()
    with monkeypatch.context() as patch:
        # It does not even listen.
        patch.setattr(Tagger, "hear", None)
        tag(tagger, [path], out, ["csv", "json", "txt"])
    assert capsys.readouterr().out == "a.wav: there already\n"
    assert identical(out) == after
    # Of other thresholds, or of another song, they are others.
    strict = Tagger(tagger.listener, dict.fromkeys(tagger.sources, 0.999), tagger.share)
    with pytest.raises(ValueError, match=r"a\.csv is there already, .* choose another --out"):
        tag(strict, [path], out, ["csv"])
    write_song(path, channels=2)
    with pytest.raises(ValueError, match="is there already"):
        tag(tagger, [path], out, ["csv"])
    assert identical(out) == after
    tag(tagger, [path], out, ["csv"], overwrite=True)
    changed = identical(out)
    assert {name for name in after if changed[name] != after[name]} == {"a.csv", "tagged.list"}


def test_a_song_called_like_the_list_is_no_list(tagger, tmp_path):
    path = write_song(tmp_path / "tagged.wav")
    tag(tagger, [path], tmp_path / "out", ["json"])
    tag(tagger, [path], tmp_path / "out", ["json"])


def test_songs_of_one_name_are_refused(tagger, tmp_path):
    paths = [write_song(tmp_path / name) for name in ("a.wav", "a.flac")]
    with pytest.raises(ValueError, match="two files are called 'a'"):
        tag(tagger, paths, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_with_a_median_filter_is_heard_through_it(tagger, tmp_path):
    # Not heard: 0.1 s; heard: 0.6 s.
    waveform = np.zeros(4 * RATE, np.float32)
    waveform[RATE : round(1.1 * RATE)] = tone(LOW_HZ, 0.1)
    waveform[2 * RATE : round(2.6 * RATE)] = tone(LOW_HZ, 0.6)
    soundfile.write(tmp_path / "a.wav", waveform, RATE)
    # The same network of an experiment with a filter.
    filtering = copy(tagger.listener)
    filtering.config = configs.load("smoke_tagger", [*SETTINGS, "task.median_secs=0.4"])
    for listener, expected in ((tagger.listener, 2), (filtering, 1)):
        each = Tagger(listener, tagger.thresholds, tagger.share)
        tag(each, [tmp_path / "a.wav"], tmp_path / "out", ["txt"], overwrite=True)
        assert len(read_spans(tmp_path / "out" / "a.txt")["clarinet"]) == expected


@pytest.mark.slow
def test_thresholds_are_those_of_validation_or_one_for_all(tmp_path):
    run = tmp_path / "run"
    make_run(run)
    line = {"kind": "valid", "step": 0, "threshold/cl": 0.9999, "threshold/vn": 0.25}
    (run / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    path = write_song(tmp_path / "a.wav")
    out = tmp_path / "out"
    arguments = [str(path), f"--workdir={run}", f"--out={out}", "--formats=json,txt"]
    done = run_command("evaluation.tag", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"step 0 of {run}\na.wav: 0:00:04, vn 38%\n"
    assert json.loads((out / "a.json").read_text())["thresholds"] == {
        "cl": 0.9999,
        "fl": 0.5,
        "vn": 0.25,
    }
    refused = run_command("evaluation.tag", *arguments, "--threshold=0.4")
    assert (refused.returncode, "is there already" in refused.stderr) == (1, True)
    done = run_command("evaluation.tag", *arguments, "--threshold=0.4", "--overwrite")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("a.wav: 0:00:04, cl 44%, vn 38%\n")
    assert not (out / "a.csv").exists()
