"""What stands in a folder that a stranger hands us: whatever the bytes of a file, an error of one
sentence or a value, in bounded time and memory.

Mutations of real files, seeded: some of each kind in the ordinary tests, 10,000 in the soak tests.
"""

import json
import random
import resource
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

import configs
from configs.splits import load_splits
from data_prep.audio.decoding import decode
from data_prep.audio.stems import read_stems
from data_prep.storage import open_folder
from evaluation.ratings.saved import COLUMNS, read_ratings
from evaluation.scores.results import read_described
from evaluation.scores.saved import read_museval
from tests.project.test_fuzz import make_manifest, mutate_bytes, mutate_json, within_seconds
from tests.support import replicas
from trainer.imports.roformer_yaml import read_description
from trainer.loop.checkpoints import restore_network
from trainer.loop.metrics import read_metrics
from trainer.loop.workdir import load_run
from trainer.networks import make_network
from trainer.tpu.ceilings import load_ceilings

# What one file, of a few kilobytes, may take at most: a library's buffers, and no more.
MOST_BYTES = 500 * 2**20
RATE = 8000
ROFORMERS = Path(__file__).parents[1] / "trainer/imports/roformers"
CONFIG = configs.load("smoke", [*replicas.OVERRIDES, "model.num_levels=2"])


@dataclass(frozen=True)
class Kind:
    """Is a kind of file.

    Attributes:
        name: of the file in its folder.
        make: writes a good one, and what belongs to it, into a folder.
        use: reads it.
        fast: how many mutations belong to the ordinary tests.
        refuses: whether some of these mutations must be refused; else a damaged file counts as none.
    """

    name: str
    make: object
    use: object
    fast: int = 50
    refuses: bool = True


def writer(name, content):
    return lambda folder: (folder / name).write_text(content, encoding="utf-8")


def of_path(name, function):
    return lambda folder: function(folder / name)


def noise(num_channels=2, secs=0.5):
    shape = (round(RATE * secs), num_channels)
    return 0.1 * np.random.default_rng(0).standard_normal(shape)


def sound(name, *options):
    """Returns what writes a sound with FFmpeg's program."""

    def make(folder):
        soundfile.write(folder / "source.wav", noise(), RATE)
        source = ["ffmpeg", "-v", "error", "-i", str(folder / "source.wav")]
        subprocess.run([*source, *options, str(folder / name)], check=True)
        (folder / "source.wav").unlink()

    return make


def make_stems(folder):
    for each in range(5):
        soundfile.write(folder / f"{each}.wav", noise(secs=1.0), 44100)
    inputs = [word for each in range(5) for word in ("-i", str(folder / f"{each}.wav"))]
    maps = [word for each in range(5) for word in ("-map", str(each))]
    output = ["-c:a", "aac", "-b:a", "64k", str(folder / "a.stem.mp4")]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *maps, *output], check=True)
    for each in range(5):
        (folder / f"{each}.wav").unlink()


def use_sound(folder):
    (path,) = folder.iterdir()
    waveform, rate, warnings = decode(path)
    assert np.isfinite(waveform).all()
    assert rate > 0
    assert all(isinstance(warning, str) for warning in warnings)


def use_stems(folder):
    for stem in read_stems(folder / "a.stem.mp4").values():
        assert np.isfinite(stem.waveform).all()


def make_run(folder):
    (folder / "config.json").write_text(configs.to_json(CONFIG))
    described = {"folder": "records", "manifest": json.loads(make_manifest())}
    (folder / "records.json").write_text(json.dumps(described))


@cache
def network_of_run():
    return make_network(CONFIG)


def make_checkpoint(folder):
    network = network_of_run()
    saved = tf.train.Checkpoint(network={each.path: each for each in network.variables})
    tf.train.CheckpointManager(saved, str(folder / "checkpoints"), 1).save(7)


def use_checkpoint(folder):
    restore_network(str(folder), network_of_run(), "latest")


SPLIT = {"rule": "By hand.", "train": ["a", "b"], "valid": ["c"], "test": ["d é"]}
METRICS = "".join(
    json.dumps({"kind": kind, "step": step, "loss": 0.5, "improvement": None}) + "\n"
    for step in (10, 20)
    for kind in ("train", "valid")
)
DESCRIBED = {
    "command": "python",
    "sample_rate": RATE,
    "made_from": {"a": [1, 2]},
    "schema_version": 5,
}
MUSEVAL = {
    "targets": [
        {
            "name": name,
            "frames": [
                {"time": 1.0 * i, "metrics": dict.fromkeys(("SDR", "ISR", "SIR", "SAR"), 1.5)}
                for i in range(3)
            ],
        }
        for name in ("vocals", "accompaniment")
    ]
}
CEILINGS = {
    "program": {"num_cores": 4},
    "config": {"train": {"compute_dtype": "bfloat16"}},
    "ceilings": [{"chip": "v5e", "examples_per_sec": 10.5}],
}
YAML = (ROFORMERS / "bs/model.yaml").read_text(encoding="utf-8")
RATINGS = "\n".join(
    [
        ",".join(COLUMNS),
        *(f'{"0a" * 8},{key * 16},"a, ""b""",vn,2.5,film,73,Ann,{"1f" * 8},1' for key in "ab"),
        "",
    ]
)
KINDS = {
    "splits": Kind(
        "a.json",
        writer("a.json", json.dumps(SPLIT)),
        lambda folder: load_splits(f"{folder}/a.json"),
    ),
    "config of a run": Kind("config.json", make_run, lambda folder: load_run(str(folder))),
    "records of a run": Kind("records.json", make_run, lambda folder: load_run(str(folder))),
    "metrics": Kind(
        "metrics.jsonl",
        writer("metrics.jsonl", METRICS),
        lambda folder: read_metrics(str(folder)),
        refuses=False,
    ),
    "how scores were made": Kind(
        "scores.json",
        writer("scores.json", json.dumps(DESCRIBED)),
        lambda folder: read_described(open_folder(str(folder)), "scores.json"),
        refuses=False,
    ),
    "museval": Kind(
        "a.json", writer("a.json", json.dumps(MUSEVAL)), of_path("a.json", read_museval)
    ),
    "ratings": Kind("a.csv", writer("a.csv", RATINGS), of_path("a.csv", read_ratings)),
    "yaml of a RoFormer": Kind(
        "a.yaml", writer("a.yaml", YAML), of_path("a.yaml", read_description)
    ),
    "ceilings": Kind(
        "a.json", writer("a.json", json.dumps(CEILINGS)), of_path("a.json", load_ceilings)
    ),
    "wav": Kind("a.wav", sound("a.wav"), use_sound),
    "flac": Kind("a.flac", sound("a.flac"), use_sound),
    "ogg": Kind("a.ogg", sound("a.ogg", "-c:a", "libvorbis"), use_sound),
    "mp3": Kind("a.mp3", sound("a.mp3"), use_sound),
    "m4a": Kind("a.m4a", sound("a.m4a"), use_sound),
    "stems": Kind("a.stem.mp4", make_stems, use_stems, fast=10),
    "index of a checkpoint": Kind("checkpoints/ckpt-7.index", make_checkpoint, use_checkpoint, 10),
    "list of checkpoints": Kind(
        "checkpoints/checkpoint", make_checkpoint, use_checkpoint, 10, refuses=False
    ),
}
NUMBERS = [False, pytest.param(True, marks=pytest.mark.soak)]


def mutations(content, name, dice):
    """Yields changed bytes, of a text as its parts and as its letters."""
    while True:
        if name.endswith(".json"):
            yield mutate_json(content.decode(), dice).encode("utf-8", "surrogatepass")
        else:
            yield mutate_bytes(content, dice)


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("is_soak", NUMBERS)
@pytest.mark.parametrize("kind", KINDS)
def test_files(kind, is_soak, tmp_path):
    chosen = KINDS[kind]
    number = 10_000 if is_soak else chosen.fast
    chosen.make(tmp_path)
    path = tmp_path / chosen.name
    chosen.use(tmp_path)
    before = peak_bytes()
    names = {each.relative_to(tmp_path) for each in tmp_path.rglob("*")}
    outcomes = {"taken": 0, "refused": 0}
    source = mutations(path.read_bytes(), chosen.name, random.Random(7))
    for _ in range(number):
        path.write_bytes(next(source))
        try:
            with within_seconds():
                chosen.use(tmp_path)
            outcomes["taken"] += 1
        except ValueError as error:
            assert str(error)
            assert "\n" not in str(error)
            outcomes["refused"] += 1
    print(kind, outcomes)
    assert outcomes["refused"] > 0 or not chosen.refuses
    assert peak_bytes() - before < MOST_BYTES
    assert {each.relative_to(tmp_path) for each in tmp_path.rglob("*")} == names
