"""Every fault of a folder of records gets its own sentence, and names the first bad record."""

import json
import shutil

import numpy as np
import pytest
import soundfile
import tensorflow as tf

import configs
from data_prep import write
from data_prep.records.manifest import load_manifest
from data_prep.verify import iter_faults
from tests.support.commands import run_command

CONFIG = configs.load("smoke", ["audio.sample_rate=8000", "data.excerpt_secs=0.7"])


@pytest.fixture(scope="module")
def written(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("records")
    write.write(CONFIG, "urmp", corpus, out)
    return out


@pytest.fixture
def records(written, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(written, tmp_path / "records")


def only_fault(records, **options):
    (fault,) = iter_faults(str(records), **options)
    assert fault.endswith(".")
    assert "\n" not in fault
    return fault


def record_ends(path):
    sizes = [len(record) + 16 for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()]
    return np.cumsum(sizes).tolist()


def test_whole_records_have_no_fault(records, corpus):
    assert list(iter_faults(str(records))) == []
    assert list(iter_faults(str(records), against=corpus)) == []


def test_a_missing_shard(records):
    (records / "test-00001-of-00003.tfrecord").unlink()
    assert (
        "test-00001-of-00003.tfrecord is missing. Delete manifest.json, then give the command"
        in only_fault(records)
    )


@pytest.mark.slow
def test_a_truncated_shard(records):
    path = records / "train-00002-of-00008.tfrecord"
    whole, ends = path.read_bytes(), record_ends(path)
    track = load_manifest(str(records)).shards["train"][2].tracks[0].name
    for length, sentence in (
        (ends[1] + 100, f"the first bad record is number 2 ({track}, from 1.4 s): it is cut off."),
        (ends[1], f"it ends before record 2 ({track}, from 1.4 s)."),
        (0, f"it ends before record 0 ({track}, from 0.0 s)."),
    ):
        path.write_bytes(whole[:length])
        fault = only_fault(records)
        assert fault == (
            f"{path} is cut short: it has {length} of {len(whole)} bytes; {sentence} "
            "Delete the shard and manifest.json, then give the command of data_prep.write again."
        )


def test_a_flipped_bit(records):
    path = records / "train-00002-of-00008.tfrecord"
    whole, ends = path.read_bytes(), record_ends(path)
    for place, record in ((ends[0] + 5000, 1), (ends[0] + 3, 1), (ends[1] - 1, 1), (0, 0)):
        flipped = bytearray(whole)
        flipped[place] ^= 16
        path.write_bytes(flipped)
        fault = only_fault(records)
        assert f"{path} is not what was written: its checksum is " in fault
        assert f"; the first bad record is number {record} (" in fault
        assert "): its bytes are not those written. Delete the shard and manifest.json, " in fault


@pytest.mark.slow
def test_the_advice_mends_a_shard(records, corpus, written):
    path = records / "train-00002-of-00008.tfrecord"
    path.write_bytes(path.read_bytes()[:1000])
    assert "Delete the shard and manifest.json" in only_fault(records)
    with pytest.raises(
        ValueError,
        match=rf"{path.name} is not there with its .*; delete what is there of it, and .*",
    ):
        write.write(CONFIG, "urmp", corpus, records)
    path.unlink()
    (records / "manifest.json").unlink()
    write.write(CONFIG, "urmp", corpus, records)
    assert path.read_bytes() == (written / path.name).read_bytes()
    assert list(iter_faults(str(records))) == []


def test_a_longer_shard(records):
    path = records / "train-00002-of-00008.tfrecord"
    path.write_bytes(path.read_bytes() * 2)
    assert "it is longer than it was" in only_fault(records)


@pytest.mark.slow
def test_foreign_shards(records):
    shards = load_manifest(str(records)).shards["test"]
    path = records / shards[0].name
    shutil.copy(records / shards[1].name, records / "test-00007-of-00009.tfrecord")
    assert (
        "test-00007-of-00009.tfrecord is a foreign shard, which the manifest does not list: delete "
        "it." in only_fault(records)
    )
    (records / "test-00007-of-00009.tfrecord").unlink()
    shutil.copy(records / shards[1].name, path)  # under the name of another, cut to its length
    path.write_bytes(path.read_bytes()[: shards[0].num_bytes].ljust(shards[0].num_bytes, b"\0"))
    fault = only_fault(records)
    assert (
        f"the first bad record is number 0 ({shards[0].tracks[0].name}, from 0.0 s): it is of"
        in fault
    )
    assert f"it is of {shards[1].tracks[0].name}, of a foreign shard." in fault


def change(records, **changes):
    path = records / "manifest.json"
    # As of older code: with a checksum, no change of it is read.
    values = {**json.loads(path.read_text()), **changes, "checksum": None}
    path.write_text(json.dumps(values))


def test_an_older_format(records):
    change(records, format_version=0)
    with pytest.raises(
        ValueError, match="has format version 0, this code reads 1 and 2; write it again"
    ):
        list(iter_faults(str(records)))


@pytest.mark.slow
def test_records_that_do_not_tile_their_track(records):
    tree = json.loads((records / "manifest.json").read_text())
    shard = tree["shards"]["test"][0]
    for field, value, sentence in (
        ("num_frames", 15999, "it ends at frame 16000 of 15999"),
        ("num_excerpts", 2, "it ends at frame 11200 of 16000, and is number 1 of 2"),
        ("playing", ["vn"], "sax, those of the track vn."),
        ("num_parts", {"vn": 1}, "its sources are "),
        ("unknown", ["fl"], "its unknown labels are none, those of the track fl."),
        ("tags", ["calm"], "its tags are none, those of the track calm."),
        ("context_size", 3, "its context has 0 numbers a slot, that of the track 3."),
    ):
        original, shard["tracks"][0][field] = shard["tracks"][0][field], value
        change(records, shards=tree["shards"])
        assert sentence in only_fault(records)
        shard["tracks"][0][field] = original


def test_a_corpus_that_cannot_be_read_is_no_fault_of_the_records(records, corpus, tmp_path):
    root = tmp_path / "corpus"
    shutil.copytree(corpus, root)
    part = next(root.glob("*/AuSep_*.wav"))
    part.write_bytes(b"")
    with pytest.raises(
        ValueError,
        match=rf"{part.parent.name} of the corpus has nothing to compare with.*{part.name}",
    ):
        list(iter_faults(str(records), against=root))


@pytest.mark.slow
def test_against_another_corpus(records, corpus, tmp_path):
    root = shutil.copytree(corpus, tmp_path / "corpus")
    folder = next(root.glob("05_*"))
    path = next(folder.glob("AuSep_1_*.wav"))
    waveform, rate = soundfile.read(path)
    waveform[rate : rate + 400] += 1e-3
    soundfile.write(path, waveform, rate, subtype="PCM_24")
    instrument = path.name.split("_")[2]
    fault = only_fault(records, against=root)
    assert (
        f"({folder.name}, from 0.7 s): its {instrument} is not that of the corpus, up to -59 dBFS "
        "apart. The corpus has" in fault
    )
    shutil.rmtree(folder)
    fault = only_fault(records, against=root)
    assert fault.startswith(
        f"{root}: the track {folder.name} of the records is not there. The corpus has changed"
    )
    shutil.copytree(next(corpus.glob("05_*")), folder)
    shutil.copytree(folder, root / "05_Another_vn_vc")
    fault = only_fault(records, against=root)
    assert fault.startswith(
        f"{root}: the track 05_Another_vn_vc is not in the records. The corpus has changed"
    )


def test_the_command(records):
    call = ["data_prep.verify", f"--records={records}", "--workers=1"]
    result = run_command(*call)
    assert (result.returncode, result.stdout) == (
        0,
        f"{records}: 13 shards, 54 records, all as they were written.\n",
    )
    (records / "test-00001-of-00003.tfrecord").unlink()
    result = run_command(*call)
    assert result.returncode == 1
    assert result.stdout.startswith("fault: ")
    assert result.stderr == f"error: {records} has 1 fault, listed above with what to do.\n"
