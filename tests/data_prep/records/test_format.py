"""Records: what goes in comes out, what does not fit is refused, and full tracks come back frame by
frame.
"""

import dataclasses
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import configs
from data_prep import write
from data_prep.audio.annotations import Annotations, Note
from data_prep.audio.loading import load_track
from data_prep.audio.tracks import AudioFormat, Track
from data_prep.corpora import list_tracks
from data_prep.records import format as record_format
from data_prep.records.annotation_fields import grades_from
from data_prep.records.excerpts import iter_excerpts
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.records.manifest import layout_of, load_manifest, manifest_from_json
from data_prep.records.shard_files import RecordError, iter_records
from data_prep.records.wire_format import framed, stated_digest
from data_prep.storage.files import checksum

OVERRIDES = ["audio.sample_rate=8000", "data.excerpt_secs=0.5", "data.sources=cl,fl,vc,vn"]


def make_config(*overrides):
    return configs.load("smoke", [*OVERRIDES, *overrides])


def make_track(num_frames=9001, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    sources = {
        name: (0.2 * rng.standard_normal((num_frames, channels))).astype(np.float32)
        for name in ("vn", "cl", "fl")
    }
    sources["fl"][:] = 0  # has a part, and rests
    mixture = sum(sources.values())
    return Track("01_Piece_vn_cl_fl", 8000, mixture, sources, dict.fromkeys(sources, 1))


@given(st.integers(1, 3000), st.integers(1, 700), st.integers(0, 2000))
def test_excerpts_tile_the_track_and_carry_their_context(num_frames, hop, context):
    mixture = np.arange(1, num_frames + 1, dtype=np.float32)[:, None]
    track = Track("t", 10, mixture, {"vn": mixture}, {"vn": 1})
    data = dataclasses.replace(
        configs.load("urmp").data, excerpt_secs=hop / 10, context_frames=context
    )
    excerpts = list(iter_excerpts(track, data))
    owned = [e.mixture[e.context_before : e.context_before + e.owned_frames] for e in excerpts]
    np.testing.assert_array_equal(np.concatenate(owned), mixture)
    for e in excerpts:
        first, last = max(0, e.start - context), min(num_frames, e.start + e.owned_frames + context)
        np.testing.assert_array_equal(e.mixture, mixture[first:last])
        assert e.owned_frames <= hop


@pytest.mark.parametrize(("encoding", "tolerance"), [("int16", 0.5 / 32767), ("float32", 0)])
@pytest.mark.parametrize("channels", [1, 2])
def test_round_trip(encoding, tolerance, channels):
    config = make_config(f"data.encoding={encoding}", f"audio.channels={channels}")
    layout = layout_of(config)
    for excerpt in iter_excerpts(make_track(channels=channels), config.data):
        record = record_format.parse(record_format.encode(excerpt, layout), layout)
        assert (record.track, record.start, record.owned_frames) == (
            excerpt.track,
            excerpt.start,
            excerpt.owned_frames,
        )
        assert record.labels.tolist() == [
            1,
            1,
            0,
            1,
        ]  # cl fl vc vn: fl has a part although it rests
        assert record.slots.tolist() == [3, 0]  # vn, cl; the silent fl is not stored
        pairs = zip(
            [record.mixture, *record.sources],
            [excerpt.mixture, *excerpt.sources.values()],
            strict=True,
        )
        for (stored, waveform), scale in zip(pairs, record.scales, strict=True):
            peak = np.abs(waveform).max()
            assert np.abs(stored * scale - waveform).max() <= peak * (
                tolerance and tolerance + 2e-7
            )  # and float32 rounding


def test_what_is_said_of_a_piece_comes_back():
    notes = (
        Note(0, 100, 6900, "vn"),
        Note(3999, 4001, 5712, "cl"),
        Note(8000, 9001, -1200, "fl"),
    )
    said = Annotations(("vn", "cl"), ("vc",), ("calm",), notes, {"vn": (1.5, -2.0)}, {"vc": 0.25})
    config = make_config("data.context_frames=1015")
    layout = layout_of(config)
    track = dataclasses.replace(make_track(), annotations=said)
    records = [
        record_format.parse(record_format.encode(excerpt, layout), layout)
        for excerpt in iter_excerpts(track, config.data)
    ]
    for record in records:
        # cl fl vc vn: of the flute nobody said.
        assert record.labels.tolist() == [1, -1, 0, 1]
        assert record.grades.tolist() == [1, -1, 0.25, 1]
        assert record.label_names(layout.sources) == ("cl", "vn")
        assert record.unknown_names(layout.sources) == ("fl",)
        assert record.tags == ("calm",)
        assert record.context.tolist() == [[0, 0], [0, 0], [0, 0], [1.5, -2.0]]
    # Records own 4000, 4000 and 1001 frames, and hear 1015 more on each side.
    first = [0, 100, 6900, 3]
    second = [3999, 4001, 5712, 0]
    third = [8000, 9001, -1200, 1]
    assert [record.notes.tolist() for record in records] == [
        [first, second],
        [second, third],
        [third],
    ]


def test_a_record_may_have_nothing_but_a_mixture():
    config = make_config()
    layout = layout_of(config)
    unlabelled = dataclasses.replace(
        make_track(), sources={}, num_parts={}, annotations=Annotations(absent=())
    )
    excerpt = next(iter_excerpts(unlabelled, config.data))
    record = record_format.parse(record_format.encode(excerpt, layout), layout)
    assert record.labels.tolist() == [-1] * 4
    assert record.sources.shape == (0, *record.mixture.shape)
    assert record.notes.shape == (0, 4)
    assert record.context.shape == (4, 0)


def test_records_of_version_1_are_read():
    config = make_config()
    layout = layout_of(config)
    serialized = record_format.encode(next(iter_excerpts(make_track(), config.data)), layout)
    example = tf.train.Example.FromString(serialized)
    for name in ("audio/tags", "audio/notes", "audio/context"):
        del example.features.feature[name]
    example.features.feature["format_version"].CopyFrom(ints(1))
    old = record_format.parse(example.SerializeToString(), layout._replace(format_version=1))
    new = record_format.parse(serialized, layout)
    for field in ("labels", "slots", "mixture", "sources", "scales", "notes", "context"):
        np.testing.assert_array_equal(getattr(old, field), getattr(new, field))
    with pytest.raises(ValueError, match="format_version is 1, expected 2"):
        record_format.parse(example.SerializeToString(), layout)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (Annotations(("zither",)), "no source is called zither"),
        (Annotations((), ("zither",)), "no source is called zither"),
        (Annotations(notes=(Note(0, 1, 0, "zither"),)), "no source is called zither"),
        (Annotations(context={"vn": (1.0,), "cl": ()}), r"have \[0, 1\] numbers; expected one"),
    ],
)
def test_what_no_record_can_say_is_refused(said, sentence):
    config = make_config()
    track = dataclasses.replace(make_track(), annotations=said)
    excerpt = next(iter_excerpts(track, config.data))
    with pytest.raises(ValueError, match=sentence):
        record_format.encode(excerpt, layout_of(config))


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_records_are_framed_as_tensorflow_does(tmp_path, size):
    content = np.random.default_rng(size).bytes(size)
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        writer.write(content)
    assert b"".join(framed(content)) == (tmp_path / "theirs").read_bytes()


def test_a_loud_waveform_does_not_clip():
    config = make_config()
    track = make_track()
    loud = dataclasses.replace(track, mixture=track.mixture * 40)
    excerpt = next(iter_excerpts(loud, config.data))
    record = record_format.parse(
        record_format.encode(excerpt, layout_of(config)), layout_of(config)
    )
    np.testing.assert_allclose(
        record.mixture * record.scales[0],
        excerpt.mixture,
        atol=np.abs(excerpt.mixture).max() / 60000,
    )


def test_an_unknown_instrument_is_refused():
    config = make_config("data.sources=cl,fl")
    with pytest.raises(ValueError, match="no source is called vn; the legal labels are cl, fl"):
        record_format.encode(next(iter_excerpts(make_track(), config.data)), layout_of(config))


def test_where_all_sources_rest_their_list_is_empty_but_there():
    config = make_config()
    excerpt = dataclasses.replace(next(iter_excerpts(make_track(), config.data)), sources={})
    serialized = record_format.encode(excerpt, layout_of(config))
    features = tf.train.Example.FromString(serialized).features.feature
    for name in ("audio/source_names", "audio/encoded"):
        assert features[name] == texts()
    assert len(record_format.parse(serialized, layout_of(config)).sources) == 0


def ints(*values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def texts(*values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def floats(*values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def changed(serialized, **features):
    example = tf.train.Example.FromString(serialized)
    for name, value in features.items():
        example.features.feature[name.replace("__", "/")].CopyFrom(value)
    return example.SerializeToString()


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"format_version": ints(99)}, "format_version is 99, expected 2"),
        ({"audio__sample_rate": ints(44100)}, "sample_rate is 44100, expected 8000"),
        ({"audio__channels": ints(2)}, "channels is 2, expected 1"),
        ({"audio__num_sources": ints(7)}, "num_sources is 7, expected 2"),
        ({"audio__num_samples": ints(10**9)}, "owns frames beyond"),
        ({"audio__sample_idx": texts(b"x")}, "not a record of 4 slots"),
        ({"audio__labels": ints(1)}, "not a record of 4 slots"),
        ({"audio__mixture": texts(b"odd")}, "its audio is not int16"),
        ({"audio__encoded": texts(b"ab", b"abcd")}, "its audio is not int16|do not fit"),
        ({"audio__encoded": texts(b"ab", b"cd")}, "do not fit"),
        ({"audio__source_names": texts(b"vn", b"zither")}, "no source is called zither"),
        ({"audio__scale": tf.train.Feature()}, "0 scales for 3 waveforms"),
        ({"audio__labels": ints(1, 1, 2, 1)}, "labels other than 0, 1 and -1"),
        ({"audio__notes": ints(1, 2, 6900)}, "3 numbers of notes; each note has 4"),
        ({"audio__notes": ints(2, 2, 6900, 0)}, "ends before it begins, or is of no slot"),
        ({"audio__notes": ints(1, 2, 6900, 4)}, "ends before it begins, or is of no slot"),
        ({"audio__context": floats(1, 2, 3)}, "3 numbers of context for 4 slots"),
        ({"audio__context": floats(1, 2, 3, np.nan)}, "a context that is no finite number"),
    ],
)
def test_a_record_that_does_not_fit_is_one_sentence(features, message):
    config = make_config()
    layout = layout_of(config)
    serialized = record_format.encode(next(iter_excerpts(make_track(), config.data)), layout)
    with pytest.raises(ValueError, match=message) as caught:
        record_format.parse(changed(serialized, **features), layout)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_record_are_refused():
    with pytest.raises(ValueError, match="not a record"):
        record_format.parse(b"\x00nonsense", layout_of(make_config()))


@pytest.fixture(scope="module")
def written(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("records")
    config = configs.load("smoke", OVERRIDES[:2])
    return out, config, write.write(config, "urmp", corpus, out)


def test_full_tracks_are_the_corpus(corpus, written):
    out, config, manifest = written
    assert load_manifest(str(out)) == manifest
    assert {split: len(manifest.tracks(split)) for split in ("train", "valid", "test")} == {
        "train": 13,
        "valid": 2,
        "test": 3,
    }
    originals = {files.name: files for files in list_tracks("urmp", corpus, "synthetic").tracks}
    for split in ("train", "valid", "test"):
        for track in iter_full_tracks(manifest, str(out), split):
            original = load_track(originals[track.name], AudioFormat(8000, 1))
            assert set(track.labels) == set(original.sources)
            np.testing.assert_allclose(track.mixture, original.mixture, atol=2e-5)
            for name, reference in zip(config.data.sources, track.references, strict=True):
                expected = original.sources.get(name, np.zeros_like(original.mixture))
                np.testing.assert_allclose(
                    reference, expected, atol=2e-4
                )  # stretches below -80 dBFS are not stored


def test_a_waveform_lies_at_its_address(written):
    out, _, manifest = written
    for split in ("train", "valid"):
        shards = b"".join((out / shard.name).read_bytes() for shard in manifest.shards[split])
        for record in manifest.iter_records(str(out), split):
            for waveform, address in zip(
                [record.mixture, *record.sources], record.addresses, strict=True
            ):
                assert shards[address : address + waveform.nbytes] == waveform.tobytes()


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def test_a_finished_folder_that_lost_a_shard_is_not_complete(corpus, written, tmp_path):
    out, config, manifest = written
    shutil.copytree(out, tmp_path / "out")
    (tmp_path / "out" / manifest.shards["test"][0].name).unlink()
    with pytest.raises(ValueError, match="is not there with its"):
        write.write(config, "urmp", corpus, tmp_path / "out")


def test_a_finished_folder_is_left_alone(corpus, written, capsys):
    out, config, manifest = written
    before = bytes_of(out)
    assert write.write(config, "urmp", corpus, out) == manifest
    assert bytes_of(out) == before
    with pytest.raises(ValueError, match="already holds finished records"):
        write.write(
            configs.load("smoke", [*OVERRIDES[:2], "data.excerpt_secs=1"]), "urmp", corpus, out
        )
    assert bytes_of(out) == before
    capsys.readouterr()


def test_records_that_the_network_cannot_use_are_refused(written):
    out, _, manifest = written
    for override, message in [
        ("audio.sample_rate=22050", r"needs records with sample_rate 22050, those in .* have 8000"),
        ("audio.channels=2", "needs records with channels 2"),
        (
            "data.sources=vn,vc",
            r"needs records with sources vn,vc, .* have bn,cl,.*, as with --set data\.sources=bn,cl,",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            manifest.require(configs.load("smoke", [*OVERRIDES[:2], override]), str(out))
    larger = configs.load(
        "smoke",
        [
            *OVERRIDES[:2],
            "data.context_frames=4087",
            "model.num_levels=8",
            "model.estimate_frames=16389",
        ],
    )
    with pytest.raises(
        ValueError, match=r"reads 4087 frames around an estimate, the records in .* store 1015"
    ):
        manifest.require(larger, str(out))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("train-00000-of-00008", "train-00001-of-00008"),
        ("valid-00000-of-00002", "test-00002-of-00003"),
        ("test-00000-of-00003", "test-00001-of-00003"),
    ],
)
def test_shards_of_one_size_that_changed_places_are_found_before_they_are_read(
    written, tmp_path, one, other
):
    out, _, manifest = written
    folder = shutil.copytree(out, tmp_path / "records")
    contents = {name: (out / f"{name}.tfrecord").read_bytes() for name in (one, other)}
    (folder / f"{one}.tfrecord").write_bytes(contents[other])
    (folder / f"{other}.tfrecord").write_bytes(contents[one])
    if len(contents[one]) == len(contents[other]):
        sentence = "its checksum is another"
    else:
        sentence = rf"{len(contents[other])} bytes, {len(contents[one])} were written"
    with pytest.raises(ValueError, match=rf"{one}.tfrecord .*{sentence}; put the original back"):
        manifest.require_shards(str(folder))


@pytest.mark.parametrize("where", [0.2, 0.5, 0.8])
def test_another_preparation_of_the_same_tracks_is_found_before_it_is_read(
    written, tmp_path, where
):
    out, _, manifest = written
    folder = shutil.copytree(out, tmp_path / "records")
    (shard, *_) = manifest.shards["train"]
    records = list(tf.data.TFRecordDataset(str(out / shard.name)).as_numpy_iterator())
    with (folder / shard.name).open("wb") as file:
        for record in records:
            changed = bytearray(record)
            changed[int(where * len(record))] ^= 1
            file.writelines(framed(bytes(changed)))
    manifest.require_shards(str(out))
    with pytest.raises(
        ValueError, match=r"train-00000-of-00008\.tfrecord is not the shard that was"
    ):
        manifest.require_shards(str(folder))


@pytest.mark.parametrize("num_bytes", [0, 1, 11, 4096, 2**20 + 3])
def test_a_shard_states_the_checksum_of_its_bytes(tmp_path, num_bytes):
    dice = np.random.default_rng(num_bytes)
    path = tmp_path / "a.tfrecord"
    with path.open("wb") as file:
        for size in (num_bytes, 7, num_bytes // 3):
            file.writelines(framed(dice.bytes(size)))
    with path.open("rb") as file:
        assert stated_digest(file) == checksum(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["config"]["data"]["sources"].reverse(),
        lambda values: values["shards"].update(test=values["shards"]["valid"]),
        lambda values: values.update(corpus="musdb"),
        lambda values: values["shards"]["test"][0]["tracks"][0]["num_parts"].update(vn=5),
    ],
)
def test_a_manifest_that_was_edited_is_refused_and_one_without_a_checksum_read(written, change):
    values = json.loads((written[0] / "manifest.json").read_text())
    del values["checksum"]
    assert manifest_from_json(json.dumps(values), "manifest.json") == written[2]
    values["checksum"] = json.loads(written[2].to_json())["checksum"]
    assert manifest_from_json(json.dumps(values, indent=7), "manifest.json") == written[2]
    change(values)
    with pytest.raises(
        ValueError, match=r"^manifest\.json was changed since it was written: .*\.$"
    ):
        manifest_from_json(json.dumps(values), "manifest.json")


def test_the_vocabulary_of_an_old_manifest_must_be_that_of_its_records(written):
    out, _, manifest = written
    data = dataclasses.replace(manifest.config.data, sources=manifest.config.data.sources[::-1])
    edited = dataclasses.replace(manifest, config=dataclasses.replace(manifest.config, data=data))
    with pytest.raises(
        ValueError, match=r"holds a record of .* with the labels .*, which .*manifest"
    ):
        list(edited.iter_records(str(out), "test"))


def test_broken_shards_and_manifests_are_named(written, tmp_path):
    out, _, manifest = written
    shard = manifest.shards["test"][0].name
    whole = (out / shard).read_bytes()
    read = lambda: list(manifest.iter_records(str(tmp_path), "test"))  # noqa: E731
    with pytest.raises(ValueError, match=f"{shard} is missing"):
        read()
    sizes = [
        len(record) + 16 for record in tf.data.TFRecordDataset(str(out / shard)).as_numpy_iterator()
    ]
    (tmp_path / shard).write_bytes(whole[: sum(sizes[:2])])  # exactly between two records
    with pytest.raises(ValueError, match=rf"{shard} has {sum(sizes[:2])} bytes, {len(whole)} were"):
        read()
    (tmp_path / shard).write_bytes(whole[: len(whole) // 3])
    with pytest.raises(ValueError, match=rf"{shard} is not the shard .*: it is cut off, or"):
        read()
    with pytest.raises(RecordError, match=rf"record 1 of .*{shard} cannot be read") as caught:
        list(iter_records(str(tmp_path / shard), manifest.layout))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(
        caught.value
    )  # as between processes
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 1
    (tmp_path / shard).write_bytes(bytes(flipped))
    with pytest.raises(ValueError, match=rf"record 1 of .*{shard} cannot be read"):
        read()
    with pytest.raises(ValueError, match=r"there is no manifest\.json in"):
        load_manifest(str(tmp_path))
    for text, message in [
        ("{", "is not JSON"),
        ("[]", "is not a manifest: it has no format"),
        ("{}", "is not a manifest: it"),
        ('{"format_version": 3}', "version 3"),
    ]:
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            load_manifest(str(tmp_path))
    (tmp_path / "manifest.json").write_text(
        json.dumps({"format_version": 1, "config": {"name": "x"}})
    )
    with pytest.raises(ValueError, match="is not a manifest"):
        load_manifest(str(tmp_path))


@pytest.mark.parametrize("numbers", [[1, 0.6], [1, -1], [0.4, 0.2], [1.5, 0.2], [1], [np.nan, 0]])
def test_grades_that_are_none_of_their_labels_are_refused(numbers):
    labels = np.array([1, 0], np.float32)
    np.testing.assert_array_equal(
        grades_from(np.array([0.5, 0.25], np.float32), labels), [0.5, 0.25]
    )
    with pytest.raises(ValueError, match="grades that are none of its labels"):
        grades_from(np.array(numbers, np.float32), labels)
