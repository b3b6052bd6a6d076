"""Times how fast a corpus becomes records, beside decoding and resampling it, the floor.

    python -m benchmarks.data_prep --rounds=3 --secs=240 --pieces=4

For stems, HQ wav and URMP, in turn in every round because the speed of a machine drifts, all with
one process:

    floor   every file decoded whole and every waveform resampled, nothing kept
    write   all that data_prep.write does: checks, leaks, records, shards, manifest
    first   the way of the first system: each file loaded by itself (what librosa.load does:
            libsndfile, the mean of the channels, soxr HQ; ffmpeg to a wav file first for stems), a
            record for each input of the network, its numbers as float lists; timed on one track

Then the time and the peak memory of the command on 1, 4 and 16 times a corpus. Bar: write within
1.5 times the floor, by the clock of an idle machine; where others work on it, the ratio of
processor time says more.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
import tensorflow as tf
from absl import flags
from numpy.typing import NDArray

import configs
from configs import Config
from data_prep import write
from data_prep.audio.conversion import to_mono
from data_prep.audio.stems import STREAMS, SUFFIX, read_stems
from data_prep.audio.tracks import TrackFiles, Waveform
from data_prep.audio.waveforms import read_sound
from data_prep.corpora import list_tracks
from data_prep.runtime import command
from data_prep.synthetic import write_musdb, write_urmp

FLAGS = flags.FLAGS
BAR = 1.5
_INPUT_FRAMES, _OUTPUT_FRAMES = 147_443, 16_389  # of the first system's network


@dataclass(frozen=True)
class Corpus:
    """A corpus to prepare."""

    name: str
    reader: str
    root: Path
    config: Config

    @property
    def tracks(self) -> tuple[TrackFiles, ...]:
        """Its tracks."""
        return list_tracks(self.reader, self.root, self.config.data.splits).tracks

    @property
    def hours(self) -> float:
        """Length of all tracks."""
        return (
            sum(len(mixture) / rate for mixture, rate in (self.load(t)[0] for t in self.tracks))
            / 3600
        )

    def load(self, track: TrackFiles) -> list[tuple[Waveform, int]]:
        """Every waveform of a track, the mixture first."""
        if track.paths[0].name.endswith(SUFFIX):
            return [stem[:2] for stem in read_stems(track.paths[0]).values()]
        return [read_sound(path) for path in track.paths]


def make_corpora(folder: Path, pieces: int, secs: float) -> list[Corpus]:
    """The three layouts: stems are the HQ songs, coded."""
    write_musdb(folder / "hq", pieces, secs)
    write_urmp(folder / "urmp", pieces, secs)
    for song in sorted((folder / "hq").glob("t*/*")):
        target = folder / "stems" / song.parent.name / f"{song.name}{SUFFIX}"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_stems(
            target,
            [soundfile.read(song / f"{stream}.wav", dtype="float32")[0] for stream in STREAMS],
        )
    all_train = folder / "all_train.json"
    all_train.write_text(json.dumps({"rule": "All pieces train.", "train": ["*"]}))
    urmp = configs.load("urmp", [f"data.splits={all_train}"])
    return [
        Corpus("stems", "musdb", folder / "stems", configs.load("musdb")),
        Corpus("HQ wav", "musdb", folder / "hq", configs.load("musdb")),
        Corpus("URMP", "urmp", folder / "urmp", urmp),
    ]


def write_stems(target: Path, waveforms: list[Waveform]) -> None:
    """A stem file of 256 kbit/s a stream, as MUSDB18 has them."""
    with av.open(str(target), "w", format="mp4") as container:
        streams = [
            container.add_stream("aac", rate=44100, layout="stereo", format="fltp")
            for _ in waveforms
        ]
        for stream, waveform in zip(streams, waveforms, strict=True):
            stream.bit_rate = 256_000
            for start in range(0, len(waveform), 1024):
                block = np.ascontiguousarray(waveform[start : start + 1024].T)
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
                frame.sample_rate, frame.pts = 44100, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))


def run_floor(corpus: Corpus) -> None:
    """Decodes and resamples."""
    for track in corpus.tracks:
        for waveform, rate in corpus.load(track):
            soxr.resample(to_mono(waveform), rate, corpus.config.audio.sample_rate, quality="HQ")


def run_write(corpus: Corpus, out: Path) -> int:
    """Writes the records; their bytes."""
    silent, stdout = open(os.devnull, "w"), sys.stdout  # noqa: SIM115, PTH123 - closed below
    try:
        sys.stdout = silent
        manifest = write.write(corpus.config, corpus.reader, corpus.root, out)
    finally:
        sys.stdout = stdout
        silent.close()
    return sum(shard.num_bytes for shards in manifest.shards.values() for shard in shards)


def run_first(corpus: Corpus, track: TrackFiles, out: Path) -> int:
    """Writes one track in the first system's way; the bytes of its records."""
    rate, waveforms = corpus.config.audio.sample_rate, []
    for path in as_wavs(track, out.parent):
        waveform, found = soundfile.read(path, dtype="float32", always_2d=True)
        waveforms.append(soxr.resample(waveform.mean(axis=1), found, rate, quality="HQ"))
    mixture, *sources = waveforms
    sources += [np.zeros_like(mixture)] * (len(corpus.config.data.sources) - len(sources))
    context = (_INPUT_FRAMES - _OUTPUT_FRAMES) // 2
    padded = np.pad(mixture, (context, context + _OUTPUT_FRAMES))
    with tf.io.TFRecordWriter(str(out)) as writer:
        for start in range(0, len(mixture), _OUTPUT_FRAMES):
            parts = {"mixture": padded[start : start + _INPUT_FRAMES]}
            parts |= {
                f"source_{i}": source[start : start + _OUTPUT_FRAMES]
                for i, source in enumerate(sources)
            }
            features = {
                name: tf.train.Feature(float_list=tf.train.FloatList(value=part.tolist()))
                for name, part in parts.items()
            }
            writer.write(
                tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
            )
    return out.stat().st_size


def as_wavs(track: TrackFiles, folder: Path) -> list[Path]:
    """Returns the files of a track; ffmpeg decodes the streams of a stem file, as musdb does."""
    if not track.paths[0].name.endswith(SUFFIX):
        return list(track.paths)
    targets = [folder / f"{stream}.wav" for stream in STREAMS]
    for i, target in enumerate(targets):
        source, stream = str(track.paths[0]), f"0:a:{i}"
        call = ["ffmpeg", "-loglevel", "error", "-y", "-i", source, "-map", stream, str(target)]
        subprocess.run(call, check=True)
    return targets


def seconds(work: Callable[[], object]) -> NDArray[np.float64]:
    """Time that a call takes, (2,): by the clock, and of the processor in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return np.array([time.perf_counter() - wall, time.process_time() - cpu])


def compare(corpus: Corpus, folder: Path, rounds: int) -> bool:
    """Times floor and writing in turn, and the first system's way; whether the bar is met."""
    hours, tracks, sizes = corpus.hours, corpus.tracks, []
    floors, writes = [], []
    for i in range(rounds):
        floors.append(seconds(lambda: run_floor(corpus)))
        out = folder / f"{corpus.name}-{i}"
        writes.append(seconds(lambda out=out: sizes.append(run_write(corpus, out))))  # type: ignore[misc]
    share = 1 / len(tracks)
    first, _ = seconds(
        lambda: sizes.append(run_first(corpus, tracks[0], folder / "first.tfrecord"))
    )
    wall_ratio, cpu_ratio = np.median(np.divide(writes, floors), axis=0)
    speeds = [*(hours * 60 / np.median([floors, writes], axis=1)[:, 0]), hours * share * 60 / first]
    gib = [sizes[0] / hours / 2**30, sizes[-1] / (hours * share) / 2**30]
    print(
        f"{corpus.name:8} hours a minute: floor {speeds[0]:6.2f}, write {speeds[1]:6.2f}, first "
        f"{speeds[2]:6.3f}; "
        f"write / floor {wall_ratio:.2f}, of processor time {cpu_ratio:.2f} (bar {BAR}); "
        f"GiB an hour: write {gib[0]:.2f}, first {gib[1]:.2f}",
        flush=True,
    )
    return bool(wall_ratio <= BAR)


def scale(folder: Path, secs: float) -> None:
    """Measures time and peak memory of the command, one process, on growing corpora."""
    # A process of its own in between: the peak of a child counts the memory of the parent that it
    # was forked from.
    measure = "import resource, subprocess, sys; "
    measure += "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    measure += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    for times in (1, 4, 16):
        root, out = folder / f"urmp{times}", folder / f"out{times}"
        write_urmp(root, 5 * times, secs)
        call = [
            sys.executable,
            "-m",
            "data_prep.write",
            "--config=urmp",
            "--corpus=urmp",
            f"--root={root}",
        ]
        call += [f"--out={out}", f"--splits={folder / 'all_train.json'}", "--workers=1"]
        started = time.perf_counter()
        result = subprocess.run(
            [sys.executable, "-c", measure, *call], check=True, capture_output=True, text=True
        )
        elapsed, mib = time.perf_counter() - started, int(result.stdout) / 2**10
        print(
            f"{times:2}x: {5 * times * secs / 60:5.1f} minutes of music in {elapsed:6.1f} s, "
            f"{mib:.0f} MiB",
            flush=True,
        )


def main(_: Sequence[str]) -> None:
    """Makes the corpora in a temporary folder and times."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpora = make_corpora(folder, FLAGS.pieces, FLAGS.secs)
        met = [compare(corpus, folder, FLAGS.rounds) for corpus in corpora]
        scale(folder, FLAGS.secs / 8)
    if not all(met):
        raise ValueError(f"writing took more than {BAR} times the floor, see above.")


if __name__ == "__main__":
    flags.DEFINE_integer("rounds", 3, "measurements of each, in turn", lower_bound=1)
    flags.DEFINE_integer("pieces", 4, "pieces of each corpus", lower_bound=4)
    flags.DEFINE_float("secs", 240.0, "length of a piece")
    command.run(main)
