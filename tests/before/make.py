"""Make the files that the test of old files reads, with the code of commit 72a1ac5.

    python tests/before/make.py OUT
    python tests/before/make.py OUT --carrying

Run from the root of a checkout of that commit, with its environment: the commands are those of the
folder one is in. OUT gets all files of tests/before/files; the README there says what each is. The
second command is for the code of a later commit, and makes the files whose names begin with
``carrying``.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr
import tensorflow as tf

CHECKOUT = Path.cwd()
FOLDER_OF_RECORDS = "/data/records"  # what records.json says in place of a folder of this machine

# In the corpus of this seed four pieces of the three splits have no instruments but these three.
SEED = 36
SOURCES = "hn,tba,va"
PIECES = ("06", "12", "15", "18")
PLAYED = "hn,va"  # in the piece for the test split

DATA = (
    "audio.sample_rate=4000",
    f"data.sources={SOURCES}",
    "data.excerpt_secs=0.7",
    "data.context_frames=55",
)
EVALUATION = (
    "evaluation.segment_secs=0.5",
    "evaluation.hop_secs=0.25",
    "evaluation.active_relative_db=-50",
    "evaluation.silent_dbfs=-70",
    "evaluation.filter_taps=32",
    "evaluation.v4_filters=track",
)
SIZES = (
    "model.num_levels=2",
    "model.num_filters=4",
    "model.estimate_frames=501",
    "train.batch_size=4",
    "train.seed=5",
    "train.steps_per_call=1",
    "train.keep_checkpoints=1",
)
RECORDS = (*DATA, *SIZES)
RUN = (
    *RECORDS,
    "model.conditioning=film",
    "model.place=decoder",
    "model.form=plain",
    "train.steps=6",
    "train.checkpoint_steps=3",
    "train.validation_steps=3",
    "train.learning_rate=0.003",
    "train.schedule=exponential",
    "train.decay_steps=3",
    "train.warmup_steps=2",
    "train.clip_norm=1",
    "train.average_decay=0.5",
    "train.min_gain=0.4",
    "train.max_gain=1.3",
    "train.remix=0.4",
    "train.silence=0.25",
    "train.flip_polarity=true",
    "train.swap_channels=true",
    "train.label_dropout=0.2",
    *EVALUATION,
)
OTHER_RUN = (
    *RECORDS,
    "model.upsampling=learned",
    "model.output=difference",
    "model.residual=va",
    "model.head_activation=linear",
    "model.conditioning=outer",
    "model.place=bottleneck",
    "model.gate_heads=false",
    "model.form=tpu",
    "train.optimizer=adamw",
    "train.schedule=plateau",
    "train.steps=2",
    "train.remix=0",
)
LAST_STEP = 10  # of the continuation


def run(out, module, *arguments):
    """Run a command of the checkout in the folder ``out``, so that it is told relative paths."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=out, env=environment, check=True)


def sets(overrides):
    """Turn overrides into flags."""
    return [f"--set={override}" for override in overrides]


def train(out, workdir, overrides, *more):
    """Train a run, or continue it."""
    arguments = ["--config=smoke", "--records=records", f"--workdir={workdir}"]
    run(out, "trainer.task", *arguments, *sets(overrides), *more)


def make_records(out):
    """Write the records of four short pieces; returns the folder of the corpus."""
    arguments = ("--corpus=urmp", "--out=corpus", "--pieces=18", "--secs=2", f"--seed={SEED}")
    run(out, "data_prep.synthetic", *arguments)
    for piece in (out / "corpus").glob("[0-9]*"):
        if not piece.name.startswith(PIECES):
            shutil.rmtree(piece)
    arguments = ("--config=smoke", "--corpus=urmp", "--root=corpus", "--out=records")
    run(out, "data_prep.write", *arguments, *sets(RECORDS))
    return out / "corpus"


def names_of_sounds(piece):
    """List the names of the sound files of a piece."""
    return sorted(path.name for path in piece.glob("*.wav"))


def make_song(corpus, path):
    """Write a stereo excerpt of a mixture, at twice the rate of the records."""
    waveform, rate = soundfile.read(next(corpus.glob("18_*/AuMix_*.wav")))
    low = soxr.resample(waveform, rate, 8000)[4000:5600]
    soundfile.write(path, np.stack([low, 0.5 * low[::-1]], axis=1), 8000, subtype="PCM_16")


def read_stems(folder):
    """Read the wav files of a folder: name -> waveform in float32."""
    return {path.stem: soundfile.read(path, dtype="float32")[0] for path in folder.glob("*.wav")}


def make_stems(out, workdir, kind, *flags):
    """Separate the song; returns the estimates as ``KIND/SOURCE``."""
    target = f"stems/{kind}"
    run(out, "evaluation.separate", f"--workdir={workdir}", f"--out={target}", "song.wav", *flags)
    stems = read_stems(out / target / "song")
    return {f"{kind}/{name}": waveform for name, waveform in stems.items()}


def call_saved_model(folder, song):
    """Estimate with a SavedModel what the song would be at the rate of the records."""
    waveform, _ = soundfile.read(song, dtype="float32")
    labels = np.array([1, 0, 1], np.float32)
    model = tf.saved_model.load(str(folder))
    return model.separate(waveform, labels).numpy()


def read_weights(workdir):
    """Read the weights and their averages out of the newest checkpoint."""
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(workdir / "checkpoints")))
    names = reader.get_variable_to_shape_map()
    chosen = sorted(name for name in names if name.startswith(("network/", "average/")))
    return {f"weights/{name}": reader.get_tensor(name) for name in chosen}


def read_metrics(workdir):
    """Read metrics.jsonl without what depends on the machine."""
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    timings = ("examples_per_second", "input_wait")
    return [{name: line[name] for name in line if name not in timings} for line in found]


def continue_run(out):
    """Continue a copy of the run; returns its metrics and weights after the last step."""
    shutil.copytree(out / "run", out / "continued")
    train(out, "continued", RUN, f"--set=train.steps={LAST_STEP}")
    return read_metrics(out / "continued"), read_weights(out / "continued")


def clean_run(workdir):
    """Remove what no test reads of a run, and the folder of this machine."""
    shutil.rmtree(workdir / "events")
    (workdir / "lock").unlink(missing_ok=True)
    path = workdir / "records.json"
    described = json.loads(path.read_text())
    described["folder"] = FOLDER_OF_RECORDS
    path.write_text(json.dumps(described) + "\n")


def clean(out):
    """Remove what no test reads, and the folder of this machine from records.json."""
    for name in ("corpus", "stems", "continued"):
        shutil.rmtree(out / name)
    for workdir in (out / "run", out / "other"):
        clean_run(workdir)
    shutil.rmtree(out / "other" / "checkpoints" / "best", ignore_errors=True)
    for path in (out / "run" / "evaluation").glob("*/*"):
        if path.is_file() and path.name not in ("scores.csv", "scores.json"):
            path.unlink()
    for path in list(out.rglob(".scratch")):
        shutil.rmtree(path)
    (out / "saved_model" / "assets").rmdir()  # empty, which git does not keep


def make_carrying(out):
    """Make a run whose checkpoint carries the text of its config.json, and stems of the song."""
    files = Path(__file__).parent / "files"
    shutil.copytree(files / "records", out / "records")
    shutil.copy(files / "song.wav", out)
    train(out, "carrying", OTHER_RUN)
    stems = make_stems(out, "carrying", "carrying", f"--labels={PLAYED}")
    np.savez_compressed(out / "carrying.npz", **stems)
    clean_run(out / "carrying")
    shutil.rmtree(out / "carrying" / "checkpoints" / "best")
    for name in ("records", "stems"):
        shutil.rmtree(out / name)
    (out / "song.wav").unlink()


def main():
    """Make everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--carrying", action="store_true")
    arguments = parser.parse_args()
    out = arguments.out.absolute()
    out.mkdir(parents=True)
    if arguments.carrying:
        make_carrying(out)
        return
    corpus = make_records(out)
    train(out, "run", RUN)
    train(out, "other", OTHER_RUN)
    run(out, "evaluation.evaluate", "--workdir=run", "--records=records", "--checkpoint=latest")
    run(out, "trainer.export", "--workdir=run", "--checkpoint=latest", "--out=saved_model")
    make_song(corpus, out / "song.wav")
    labels = f"--labels={PLAYED}"
    arrays = {
        **make_stems(out, "run", "unlabelled", "--checkpoint=latest"),
        **make_stems(out, "run", "raw", "--checkpoint=best", "--weights=raw", labels),
        **make_stems(out, "other", "other", labels),
        "saved_model": call_saved_model(out / "saved_model", out / "song.wav"),
    }
    pieces = sorted(corpus.glob("[0-9]*"))
    metrics, weights = continue_run(out)
    np.savez_compressed(out / "expected.npz", **arrays, **weights)
    expected = {
        "records": RECORDS,
        "run": RUN,
        "evaluation": EVALUATION,
        "last_step": LAST_STEP,
        "labels": PLAYED,
        "pieces": {piece.name: names_of_sounds(piece) for piece in pieces},
        "metrics": metrics,
    }
    (out / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    clean(out)


if __name__ == "__main__":
    main()
