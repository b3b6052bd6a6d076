"""The command: learns from files of sound, says what others are, and refuses what cannot be."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evaluation.classes.answers import said_of
from evaluation.classes.batch import Batch
from evaluation.classes.hearing import Ear
from evaluation.classes.kept import Heard
from evaluation.classes.model_folder import load
from tests.evaluation.classes.sounds import make_run, tone, write_sounds
from tests.support.commands import run_command
from trainer.inference.layer_features import TrainedLayerFeatures

COMMAND = "evaluation.classify"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run, sounds of three timbres by two artists, and what was learnt from them."""
    root = tmp_path_factory.mktemp("classify")
    make_run(root / "run")
    write_sounds(root / "sounds", artists=("Ann", "Bob"), num_files=2)
    return root


def train(folder, *flags, out="model"):
    defaults = [f"--workdir={folder / 'run'}", f"--out={folder / out}"]
    return run_command(COMMAND, "train", *defaults, *flags)


@pytest.fixture(scope="module")
def learnt(folder):
    done = train(folder, f"--root={folder / 'sounds'}", "--groups=folder")
    assert done.returncode == 0, done.stderr
    return done


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_what_is_told_of_artists_held_out_stands_beside_its_rivals(folder, learnt):
    text = learnt.stdout
    assert f"step 7 of {folder / 'run'}: 2 layers, 16 features" in text
    assert "12 files of 3 classes in 2 groups, held out in groups (2 folds" in text
    assert "No interval: 2 groups, fewer than 6. Each of them:" in text
    rows = rows_of((folder / "model/held_out.csv").read_text())
    right = np.mean([row["class"] == row["layers of the tagger"] for row in rows])
    assert [row["group"] for row in rows] == ["Ann", "Ann", "Bob", "Bob"] * 3
    # Four files of each class: the mean of all is that of the recalls.
    assert re.search(rf"^layers of the tagger +{right:.3f} +-$", text, re.MULTILINE)
    assert right >= 8 / 12
    assert re.search(r"^MFCC +\d", text, re.MULTILINE)
    assert re.search(r"^majority +0\.333 +-$", text, re.MULTILINE)
    measured = json.loads((folder / "model/model.json").read_text())["measured"]
    figure = measured["in groups"]["layers of the tagger"]["balanced accuracy"]
    assert figure == {"value": pytest.approx(right), "interval": None}


def test_the_model_is_plain_values_and_names_the_run(folder, learnt):
    del learnt
    model = json.loads((folder / "model/model.json").read_text())
    assert model["heard_by"]["workdir"] == str(folder / "run")
    assert (model["heard_by"]["step"], model["heard_by"]["layers"]) == (7, [8, 8])
    assert len(model["heard_by"]["checksum"]) == 64
    assert model["files"][0]["file"] == "noise/Ann/0.wav"
    with np.load(folder / "model/model.npz", allow_pickle=False) as arrays:
        shapes = {name: arrays[name].shape for name in arrays.files}
    assert shapes["features"] == (12, 16)
    assert shapes["coefficients"] == (3, 16)


@pytest.mark.slow
def test_classes_of_other_files_are_said_with_their_probabilities(folder, learnt, tmp_path):
    del learnt
    # Of another rate, kind and number of channels.
    sound = tone("noise", 0.8, 22050, seed=77)
    soundfile.write(tmp_path / "hiss.flac", np.stack([sound, sound], axis=1), 22050)
    soundfile.write(tmp_path / "flute.wav", tone("sine", 0.8, 8000, 400, seed=78), 8000)
    files = [tmp_path / "hiss.flac", tmp_path / "flute.wav"]
    done = run_command(COMMAND, "predict", *files, f"--model={folder / 'model'}")
    assert done.returncode == 0, done.stderr
    rows = rows_of(done.stdout)
    assert [(row["file"], row["class"]) for row in rows] == [
        (str(files[0]), "noise"),
        (str(files[1]), "sine"),
    ]
    assert list(rows[0])[2:] == ["p(noise)", "p(sine)", "p(square)"]
    assert sum(float(value) for value in list(rows[0].values())[2:]) == pytest.approx(1, abs=1e-5)
    out = tmp_path / "said.json"
    arguments = [f"--model={folder / 'model'}", "--json", f"--out={out}"]
    done = run_command(COMMAND, "predict", *files, *arguments)
    assert (done.returncode, done.stdout) == (0, "")
    said = json.loads(out.read_text())
    assert said[1]["p(sine)"] == pytest.approx(float(rows[1]["p(sine)"]), rel=1e-5)


def test_what_is_said_of_a_file_is_what_scikit_learn_says_of_its_features(folder, learnt):
    del learnt
    model = load(folder / "model")
    classes = [file.target for file in model.files]
    features = model.features.astype(np.float64)
    logistic = LogisticRegression(
        C=1 / model.linear.penalty, class_weight="balanced", max_iter=5000, tol=1e-10
    )
    pipeline = make_pipeline(StandardScaler(), logistic).fit(features, classes)
    for number in (0, 5):
        heard = Heard("", model.features[number], np.zeros(40, np.float32))
        said = said_of(model, heard)
        expected = pipeline.predict_proba(features[[number]])[0]
        assert said.pop("class") == pipeline.predict(features[[number]])[0]
        assert said == {
            f"p({name})": pytest.approx(value, abs=1e-6)
            for name, value in zip(pipeline.classes_, expected, strict=True)
        }


def test_neighbours_are_the_nearest_by_the_angle_of_standardised_features(folder, learnt):
    del learnt
    own = folder / "sounds/square/Bob/0.wav"
    done = run_command(COMMAND, "neighbours", own, f"--model={folder / 'model'}", "--count=3")
    assert done.returncode == 0, done.stderr
    files = [
        each["file"] for each in json.loads((folder / "model/model.json").read_text())["files"]
    ]
    with np.load(folder / "model/model.npz") as arrays:
        features = arrays["features"].astype(np.float64)
    centred = features - features.mean(axis=0)
    standardised = centred / np.where(centred.std(axis=0) > 0, centred.std(axis=0), 1)
    here = files.index("square/Bob/0.wav")
    lengths = np.linalg.norm(standardised, axis=1)
    distances = 1 - standardised @ standardised[here] / lengths / lengths[here]
    nearest = [i for i in np.argsort(distances) if i != here][:3]
    rows = rows_of(done.stdout)
    assert [row["neighbour"] for row in rows] == [files[i] for i in nearest]
    assert [float(row["distance"]) for row in rows] == pytest.approx(distances[nearest], abs=1e-4)
    assert (rows[0]["rank"], rows[0]["class"], rows[0]["group"]) == (
        "1",
        "square",
        rows[0]["group"],
    )


@pytest.mark.slow
def test_numbers_are_learnt_from_a_table(folder, tmp_path):
    lines = ["file,number,group"]
    for i, pitch in enumerate((200, 400, 800, 1200, 1600, 2400, 3000)):
        soundfile.write(tmp_path / f"{i}.wav", tone("sine", 0.6, 8000, pitch, seed=i), 8000)
        lines.append(f"{i}.wav,{pitch / 1000},g{i}")
    (tmp_path / "pitches.csv").write_text("\n".join(lines))
    done = train(folder, f"--csv={tmp_path / 'pitches.csv'}", "--folds=3", out="pitches")
    assert done.returncode == 0, done.stderr
    assert "7 files in 7 groups, held out in groups (3 folds" in done.stdout
    assert "R2  95 % over 7 groups  mean absolute error" in done.stdout
    soundfile.write(tmp_path / "new.wav", tone("sine", 0.7, 8000, 1000, seed=9), 8000)
    done = run_command(COMMAND, "predict", tmp_path / "new.wav", f"--model={folder / 'pitches'}")
    (row,) = rows_of(done.stdout)
    assert float(row["number"]) == pytest.approx(1.0, abs=0.4)


@pytest.mark.slow
def test_without_groups_no_accuracy_is_printed_unless_it_is_asked_for(folder):
    root = f"--root={folder / 'sounds'}"
    done = train(folder, root, out="ungrouped")
    assert done.returncode == 0
    assert "No accuracy is printed: nothing says which files are of one artist" in done.stdout
    assert "Pampalk" in done.stdout
    assert "balanced" not in done.stdout
    assert not (folder / "ungrouped/held_out.csv").exists()
    done = train(folder, root, "--ungrouped", "--folds=2", out="ungrouped")
    assert "12 files of 3 classes, held out without regard to groups (2 folds" in done.stdout
    assert "balanced accuracy  95 % over 12 files" in done.stdout
    assert "too good where files of one artist or album are on both sides" in done.stdout


@pytest.mark.slow
def test_bad_files_are_left_out_each_with_a_sentence(folder, tmp_path):
    root = tmp_path / "sounds"
    shutil.copytree(folder / "sounds", root)
    (root / "sine/Ann/broken.wav").write_bytes(b"RIFF nonsense")
    (root / "sine/Ann/empty.mp3").write_bytes(b"")
    soundfile.write(root / "sine/Bob/silent.wav", np.zeros(8000), 8000)
    soundfile.write(root / "sine/Bob/short.wav", tone("sine", 0.05), 8000)
    shutil.copy(root / "noise/Ann/0.wav", root / "noise/Bob/again.wav")
    done = train(folder, f"--root={root}", "--groups=folder", out="some")
    assert done.returncode == 1
    warnings, _, listed = done.stderr.rpartition("error: ")
    assert listed.startswith("4 of 17 files were left out: ")
    for name, why in {
        "Ann/broken.wav": "is no sound file that can be decoded",
        "Ann/empty.mp3": "is no sound file that can be decoded",
        "Bob/silent.wav": "is silent: it stays below -80 dB of full scale.",
        "Bob/short.wav": "is too short: 0.050 s of sound, expected at least 0.1 s.",
    }.items():
        assert f"{root / 'sine' / name} {why}" in listed
        assert f"left out: {root / 'sine' / name} {why}" in warnings
    assert "noise/Ann/0.wav and noise/Bob/again.wav are the same file in different gr" in warnings
    # The others were learnt from.
    assert len(json.loads((folder / "some/model.json").read_text())["files"]) == 13
    files = sorted((root / "sine").rglob("*.*"))
    done = run_command(COMMAND, "predict", *files, f"--model={folder / 'some'}")
    assert done.returncode == 1
    assert done.stderr.endswith(f"4 of 8 files were left out: {listed.partition(': ')[2]}")
    assert len(rows_of(done.stdout)) == 4


@pytest.mark.slow
def test_what_was_heard_is_not_heard_again(folder, tmp_path):
    paths = sorted((folder / "sounds").rglob("*.wav"))
    layers = TrainedLayerFeatures(str(folder / "run"))
    heard = []
    of_mono = layers.of_mono

    def counted(blocks):
        heard.append(1)
        return of_mono(blocks)

    layers.of_mono = counted
    interrupted = Batch(Ear(layers, tmp_path), paths).iter_heard()
    first = [next(interrupted), next(interrupted)]
    interrupted.close()
    (damaged,) = [each for each in tmp_path.rglob("*.npz") if first[1][1].sha256 in each.name]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    again = list(Batch(Ear(layers, tmp_path), paths).iter_heard())
    # Two, then all but the one of them that is whole.
    assert len(heard) == 2 + len(paths) - 1
    for (number, one), (other_number, other) in zip(first, again, strict=False):
        assert number == other_number
        assert all((a == b).all() for a, b in zip(one[1:], other[1:], strict=True))
    # Other weights hear anew.
    other = TrainedLayerFeatures(str(folder / "run"), "5")
    (_, of_other), *_ = Batch(Ear(other, tmp_path), paths[:1]).iter_heard()
    assert np.abs(of_other.layers - first[0][1].layers).max() > 1e-3
    assert (of_other.mfcc == first[0][1].mfcc).all()


@pytest.mark.slow
def test_the_weights_of_another_run_are_refused(folder, learnt, tmp_path):
    del learnt
    make_run(tmp_path / "other", ["train.seed=5"])
    song = folder / "sounds/sine/Ann/0.wav"
    flags = [f"--model={folder / 'model'}", f"--workdir={tmp_path / 'other'}"]
    done = run_command(COMMAND, "predict", song, *flags)
    assert done.returncode == 1
    assert "are not those that this model learnt with (step 7 of " in done.stderr
    # The same weights may have moved.
    shutil.copytree(folder / "run", tmp_path / "moved")
    flags[1] = f"--workdir={tmp_path / 'moved'}"
    assert run_command(COMMAND, "predict", song, *flags).returncode == 0
    shutil.rmtree(tmp_path / "moved/checkpoints")
    done = run_command(COMMAND, "predict", song, *flags)
    assert f"{folder / 'model'} learnt with step 7; if that is gone, train again.)" in done.stderr


def test_a_damaged_model_is_refused(folder, learnt, tmp_path):
    del learnt
    song = folder / "sounds/sine/Ann/0.wav"
    done = run_command(COMMAND, "predict", song, f"--model={tmp_path}")
    assert "expected a folder that evaluation.classify train wrote" in done.stderr
    for name in ("model.json", "model.npz"):
        copy = tmp_path / name
        shutil.copytree(folder / "model", copy)
        content = bytearray((copy / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / name).write_bytes(content if name == "model.npz" else content[:-20])
        done = run_command(COMMAND, "predict", song, f"--model={copy}")
        assert done.returncode == 1
        assert "model.json is not" in done.stderr
    mixed = tmp_path / "mixed"
    shutil.copytree(folder / "model", mixed)
    with np.load(folder / "model/model.npz") as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(mixed / "model.npz", **{**arrays, "offsets": arrays["offsets"] + 1})
    done = run_command(COMMAND, "predict", song, f"--model={mixed}")
    assert "(model.npz is of another model); train again." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "'' is nothing to do; expected train, predict, neighbours."),
        (["learn"], "'learn' is nothing to do"),
        (["train", "--out=x"], "--workdir is missing"),
        (["train", "--workdir=RUN"], "--out is missing"),
        (["train", "--workdir=RUN", "--out=x"], "--root is missing"),
        (["train", "--workdir=RUN", "--out=gs://a/b"], "is in a bucket; expected a place on a"),
        (["train", "--workdir=RUN", "--out=x", "a.wav"], "train takes no files (a.wav)"),
        (["train", "--workdir=RUN", "--out=x", "--json"], "train does not take --json"),
        (["train", "--workdir=RUN", "--out=x", "--count=3"], "train does not take --count"),
        (["train", "--workdir=RUN", "--out=x", "--root=/no"], "there is no folder /no"),
        (["train", "--workdir=/no", "--out=x", "--root=SOUNDS"], "there is no /no/config.json"),
        (["train", "--workdir=RUN", "--out=RUN", "--root=SOUNDS"], "holds other files (checkp"),
        (["train", "--workdir=RUN", "--out=x", "--csv=/no"], "there is no file /no"),
        (
            ["train", "--workdir=RUN", "--out=x", "--csv=a", "--groups=b"],
            "--groups is for folders",
        ),
        (["predict", "--model=x"], "name at least one file of sound"),
        (["predict", "/no.wav", "--model=x"], "there is no file /no.wav"),
        (["predict", "x.wav"], "--model is missing"),
        (["predict", "x.wav", "--model=x", "--root=y"], "predict does not take --root"),
        (["neighbours", "x.wav", "--model=x", "--folds=3"], "neighbours does not take --folds"),
    ],
)
def test_calls_that_make_no_sense_are_refused(folder, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    names = {"RUN": folder / "run", "SOUNDS": folder / "sounds"}
    for name, path in names.items():
        arguments = [each.replace(name, str(path)) for each in arguments]
    done = run_command(COMMAND, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_an_interrupted_command_continues_to_the_same_model(folder, tmp_path):
    write_sounds(tmp_path / "sounds", num_files=15)
    flags = [f"--root={tmp_path / 'sounds'}", f"--workdir={folder / 'run'}"]
    begun = [sys.executable, "-m", COMMAND, "train", *flags, f"--out={tmp_path / 'model'}"]

    def interrupt():
        """Begins anew, and interrupts it after three files; returns its status."""
        shutil.rmtree(tmp_path / "model", ignore_errors=True)
        process = subprocess.Popen(begun, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
        while process.poll() is None and len(list(tmp_path.rglob("model/features/*/*.npz"))) < 3:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        return process.wait()

    # On a busy machine it may be done before it hears of that.
    statuses = (interrupt() for _ in range(5))
    assert next(status for status in statuses if status != 0) == 75
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model/features/*/*.npz")}
    assert 3 <= len(kept) < 135
    assert not (tmp_path / "model/model.json").exists()
    done = run_command(COMMAND, "train", *flags, f"--out={tmp_path / 'model'}")
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    whole = run_command(COMMAND, "train", *flags, f"--out={tmp_path / 'whole'}")
    assert whole.stdout == done.stdout.replace("model knows", "whole knows")
    models = [
        json.loads((tmp_path / name / "model.json").read_text()) for name in ("model", "whole")
    ]
    assert models[0] == models[1]
