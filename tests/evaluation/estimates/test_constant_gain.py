"""The constant gain: least squares of NumPy on the same tracks, what is kept, and what is refused."""

import dataclasses
import shutil

import numpy as np
import pytest

import configs
from data_prep.audio.tracks import Track
from data_prep.records.entries import ShardEntry, TrackEntry
from data_prep.records.excerpts import iter_excerpts
from data_prep.records.format import encode
from data_prep.records.manifest import Manifest, layout_of
from data_prep.records.shard_files import shard_name
from data_prep.records.wire_format import framed
from data_prep.storage import LocalFolder
from data_prep.storage.files import checksum
from evaluation.estimates.constant_gain import FILE_NAME, constant_gain_of, learn_gains
from evaluation.estimates.opened_run import OpenedRun
from trainer.loop.workdir import TrainingRun

pytestmark = pytest.mark.slow

RATE = 8000
SOURCES = ("cl", "fl", "hn", "tba", "va", "vc", "vn")


def make_config(channels=1):
    overrides = [
        f"audio.sample_rate={RATE}",
        f"audio.channels={channels}",
        "data.excerpt_secs=0.1",
        "data.encoding=float32",
        f"data.sources={','.join(SOURCES)}",
    ]
    return configs.load("smoke", overrides)


def make_tracks(channels=1, seed=0):
    """A duet in which one rests for six records, a trio with a part that is never heard, silence.

    A viola is nowhere; the tuba has a part in the silent track alone.
    """
    dice = np.random.default_rng(seed)

    def noise(num_frames, level):
        return (level * dice.standard_normal((num_frames, channels))).astype(np.float32)

    violin = noise(6400, 0.2)
    violin[800:5600] = 0
    duet = {"vn": violin, "vc": noise(6400, 0.1)}
    trio = {"vn": noise(2500, 0.05), "cl": noise(2500, 0.3), "fl": noise(2500, 0.0)}
    # In antiphase with the horn, so that the horn's gain is below zero.
    against = {"hn": noise(1500, 0.1)}
    against["vc"] = -2 * against["hn"] + noise(1500, 0.01)
    silent = {"tba": noise(900, 0.0)}
    return [
        Track(f"{number}_Piece", RATE, sum(sources.values()), sources, dict.fromkeys(sources, 1))
        for number, sources in enumerate((duet, trio, against, silent))
    ]


def write_records(folder, tracks, config):
    """Writes a shard a track, all for training; returns the manifest."""
    folder.mkdir()
    layout = layout_of(config)
    shards = []
    for index, track in enumerate(tracks):
        path = folder / shard_name("train", index, len(tracks))
        excerpts = list(iter_excerpts(track, config.data))
        with path.open("wb") as file:
            for excerpt in excerpts:
                file.writelines(framed(encode(excerpt, layout)))
        entry = TrackEntry(
            name=track.name,
            num_frames=len(track.mixture),
            num_excerpts=len(excerpts),
            num_parts=dict.fromkeys(track.sources, 1),
            residual_db=None,
        )
        shards.append(ShardEntry(path.name, *checksum(path), (entry,)))
    return Manifest(config, "urmp", "unknown", {"train": tuple(shards)})


def least_squares(tracks, source):
    """The gain by NumPy, over all frames and channels of the tracks with the source."""
    own = [track for track in tracks if source in track.sources]
    if not own:
        return 0.0
    mixture = np.concatenate([track.mixture.ravel() for track in own]).astype(np.float64)
    wanted = np.concatenate([track.sources[source].ravel() for track in own]).astype(np.float64)
    # Of a mixture of zeros it is the shortest solution: none.
    solution, *_ = np.linalg.lstsq(mixture[:, None], wanted, rcond=None)
    return float(solution[0])


@pytest.mark.parametrize("channels", [1, 2])
def test_gains_are_the_least_squares_of_numpy(tmp_path, channels):
    tracks = make_tracks(channels)
    manifest = write_records(tmp_path / "records", tracks, make_config(channels))
    gains = learn_gains(manifest, str(tmp_path / "records"))
    assert tuple(gains) == SOURCES
    for source, gain in gains.items():
        assert gain == pytest.approx(least_squares(tracks, source), abs=1e-7), source
    assert gains["fl"] == gains["tba"] == gains["va"] == 0
    assert gains["hn"] < -0.5
    assert 0.1 < gains["vn"] < 0.6


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Records, and their manifest."""
    folder = tmp_path_factory.mktemp("written") / "records"
    return folder, write_records(folder, make_tracks(), make_config())


def open_run(manifest, folder, shared, records="/nowhere"):
    """A run that was trained on some records, with those in another folder to be scored."""
    shared.mkdir(exist_ok=True)
    config = manifest.config
    return OpenedRun(
        workdir="",
        run=TrainingRun(config, str(records), manifest),
        config=config,
        manifest=manifest,
        folder=str(folder),
        split="test",
        step=1,
        weights="raw",
        out=LocalFolder(shared / "1-test"),
        shared=LocalFolder(shared),
        arguments=[],
        averaged_with=(),
    )


def test_gains_are_learnt_once(written, tmp_path, capsys):
    records, manifest = written
    first = constant_gain_of(open_run(manifest, records, tmp_path / "run"))
    assert first.gains == learn_gains(manifest, str(records))
    assert first.words == "the 4 tracks of the training split, at 8,000 Hz"
    assert capsys.readouterr().out == f"constant gain learnt from {first.words}\n"
    # Nothing but the file is there, and it is enough when the records are gone.
    assert [path.name for path in (tmp_path / "run").iterdir()] == [FILE_NAME]
    assert constant_gain_of(open_run(manifest, "/gone", tmp_path / "run")) == first
    assert capsys.readouterr().out == ""


def test_a_file_of_other_records_is_not_believed(written, tmp_path):
    records, manifest = written
    other_tracks = make_tracks(seed=1)
    other = write_records(tmp_path / "other", other_tracks, make_config())
    shared = tmp_path / "run"
    first = constant_gain_of(open_run(manifest, records, shared))
    second = constant_gain_of(open_run(other, tmp_path / "other", shared))
    assert second.gains["vn"] == pytest.approx(least_squares(other_tracks, "vn"), abs=1e-7)
    assert second.gains["vn"] != first.gains["vn"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"vn": 0.', '"vn": 0.9'),
        lambda text: text[: len(text) // 2],
        lambda _: "[]",
        lambda _: '{"gains": {"vn": "loud"}}',
        lambda text: text.replace('"schema_version": 1', '"schema_version": 2'),
    ],
)
def test_a_file_that_was_changed_is_written_anew(written, tmp_path, change):
    records, manifest = written
    opened = open_run(manifest, records, tmp_path / "run")
    first = constant_gain_of(opened)
    path = tmp_path / "run" / FILE_NAME
    text = path.read_text(encoding="utf-8")
    assert change(text) != text
    path.write_text(change(text), encoding="utf-8")
    assert constant_gain_of(opened) == first
    assert path.read_text(encoding="utf-8") == text


def test_gains_are_of_the_records_that_the_run_was_trained_on(written, tmp_path):
    """Also where those that are scored are others, or the same that moved."""
    records, manifest = written
    write_records(tmp_path / "other", make_tracks(seed=1), make_config())
    moved = shutil.copytree(records, tmp_path / "moved")
    expected = learn_gains(manifest, str(records))
    for number, (scored, begun) in enumerate(
        [(tmp_path / "other", records), (moved, "/nowhere"), (moved, tmp_path / "other")]
    ):
        opened = open_run(manifest, scored, tmp_path / f"run{number}", begun)
        assert constant_gain_of(opened).gains == expected


def test_without_training_records_there_are_none(written, tmp_path, capsys):
    records, manifest = written
    incomplete = shutil.copytree(records, tmp_path / "incomplete")
    (incomplete / manifest.shards["train"][-1].name).unlink()
    untrained = dataclasses.replace(manifest, shards={"test": manifest.shards["train"]})
    for number, opened in enumerate(
        [
            open_run(manifest, incomplete, tmp_path / "0"),
            open_run(untrained, records, tmp_path / "1"),
        ]
    ):
        found = constant_gain_of(opened)
        assert found.gains == {}
        why_none = f"are not in {opened.folder} or /nowhere"
        assert found.words.endswith(why_none)
        said = capsys.readouterr().out
        assert said.startswith("note: the constant gain is left out: the records that the run was")
        assert said.endswith(f"{why_none}.\n")
        assert said.count("\n") == 1
        assert list((tmp_path / str(number)).iterdir()) == []


def test_what_is_no_number_is_refused_and_leaves_nothing(tmp_path):
    tracks = make_tracks()
    tracks[1].mixture[1200, 0] = np.nan
    manifest = write_records(tmp_path / "records", tracks, make_config())
    opened = open_run(manifest, tmp_path / "records", tmp_path / "run")
    with pytest.raises(ValueError, match=r"the records of 1_Piece in .* not finite numbers; write"):
        constant_gain_of(opened)
    assert list((tmp_path / "run").iterdir()) == []
