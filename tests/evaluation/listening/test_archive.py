"""The archive of clips: it comes back as it was, and one that a stranger made is refused in words."""

import io
import json
import zipfile

import numpy as np
import pytest
import soundfile

from evaluation.listening import archive
from evaluation.listening.archive import read_clips, write_clips
from evaluation.listening.clips import Choice, ClipWaveforms, record

RATE = 8000
REFUSED = r"clips\.zip holds no clips of evaluation\.evaluate \(.*{}.*\); remove it\.$"


def read(choice):
    shape = round((choice.stop_secs - choice.start_secs) * RATE), 1
    mixture, reference = np.random.default_rng(len(choice.track)).uniform(-0.1, 0.1, (2, *shape))
    return ClipWaveforms(mixture, reference, reference * 0.5)


@pytest.fixture(scope="module")
def recordings():
    choices = [Choice("worst", "t" * (i + 1), "vc", 0.0, 2.0, (0.5, 1.5)) for i in range(2)]
    choices.append(Choice("common", "t", "vc", 3.0, 4.5))
    return list(record(choices, read, RATE))


@pytest.fixture
def files(recordings, tmp_path):
    """What is in an archive of ours, by name."""
    path = tmp_path / "ours" / "clips.zip"
    path.parent.mkdir()
    write_clips(path, recordings)
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(files, compression=zipfile.ZIP_STORED):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return data.getvalue()


def refuse(folder, content, reason=""):
    path = folder / "clips.zip"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=REFUSED.format(reason)) as caught:
        read_clips(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_recordings_come_back_from_their_archive(recordings, tmp_path):
    path = tmp_path / "clips.zip"
    write_clips(path, recordings)
    first = path.read_bytes()
    assert read_clips(path) == recordings
    write_clips(path, recordings)
    assert path.read_bytes() == first
    with zipfile.ZipFile(path) as opened:
        played, rate = soundfile.read(io.BytesIO(opened.read("00_worst_reference.flac")))
    assert (len(played), rate) == (2 * RATE, RATE)
    assert [each.name for each in tmp_path.iterdir()] == ["clips.zip"]
    assert read_clips(tmp_path / "none.zip") == []


def test_the_sound_of_an_untrained_network_comes_back_too(tmp_path):
    choice = Choice("common", "t", "vc", 3.0, 4.5)
    with_untrained = list(
        record([choice], lambda each: read(each)._replace(untrained=read(each).mixture), RATE)
    )
    assert set(with_untrained[0].sounds) == {"mixture", "reference", "estimate", "untrained"}
    path = tmp_path / "clips.zip"
    write_clips(path, with_untrained)
    assert read_clips(path) == with_untrained


def test_archives_of_before_are_read(tmp_path, recordings, files):
    contents = json.loads(files["clips.json"])
    contents["schema_version"] = 1
    path = tmp_path / "clips.zip"
    path.write_bytes(packed({**files, "clips.json": json.dumps(contents)}))
    assert read_clips(path) == recordings


@pytest.mark.parametrize("content", [b"no archive", b"", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_is_refused(tmp_path, content):
    refuse(tmp_path, content)


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("", "is empty"),
        ("[]", "holds a list"),
        ('{"schema_version": 3, "clips": []}', "schema version 3, not 2"),
        ('{"schema_version": 1, "clips": ["a name"]}', "a clip is 'a name', not an object"),
        ('{"schema_version": 1, "clips": 3}', "has no list of clips"),
        ('{"schema_version": 1, "clips": [{"takes": {}, "sample_rate": 8000}]}', "'why'"),
        ("[" * 50_000, "more than 50 lists"),
        ("\udce9".encode("utf-8", "surrogateescape"), "utf-8"),
    ],
)
def test_a_strange_description_is_refused(tmp_path, description, reason):
    refuse(tmp_path, packed({"clips.json": description}), reason)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("start_secs", "soon", "start_secs is 'soon'; expected a finite number"),
        ("stop_secs", 1e300, "longer than 5 s"),
        ("stop_secs", 2.0, "claims 12000 frames"),
        (
            "segment_secs",
            [1, "2"],
            "expected a list of a finite number and a finite number or none",
        ),
        ("segment_secs", [1.0], "expected a list of a finite number and a finite number or none"),
        ("track", None, "track is None; expected text"),
        ("sample_rate", "8000", "the rate of a clip is '8000'"),
        ("sample_rate", 44100, "not FLAC of one or two channels at 44100 Hz"),
        ("colour", "red", "no field 'colour'"),
        ("takes", [], r"the sounds of a clip are \[\]"),
        ("takes", {"mixture": {}, "reference": {}, "estimate": {}}, "needs the field 'file'"),
        (
            "takes",
            {take: {} for take in ("mixture", "reference", "estimate", "half-trained")},
            "the sounds of a clip are",
        ),
        ("file", "../../secret.flac", "no item named"),
        ("file", "/etc/passwd", "no item named"),
        ("file", ["a"], "expected text"),
        ("file", "clips.json", ""),
        ("gain_db", 1e300, "gain_db is 1e.300; expected at most 1000 dB"),
        ("gain_db", "3", "gain_db is '3'; expected a finite number"),
    ],
)
def test_a_strange_field_is_refused(tmp_path, files, field, value, reason):
    contents = json.loads(files["clips.json"])
    clip = contents["clips"][2]
    place = clip["takes"]["estimate"] if field in ("file", "gain_db") else clip
    place[field] = value
    refuse(tmp_path, packed({**files, "clips.json": json.dumps(contents)}), reason)


def claiming(flac, num_frames):
    """A sound whose header claims so many frames: a number of 36 bits behind the rate."""
    number = int.from_bytes(flac[18:26], "big") >> 36 << 36 | num_frames
    return flac[:18] + number.to_bytes(8, "big") + flac[26:]


def wav():
    data = io.BytesIO()
    soundfile.write(data, np.zeros(100), RATE, format="WAV")
    return data.getvalue()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda flac: claiming(flac, 900_000_000), "claims 900000000 frames, its clip has 12001"),
        (lambda flac: claiming(flac, 12001), ""),
        (lambda flac: claiming(flac, 0), "claims"),
        (lambda flac: flac[: len(flac) // 2], ""),
        (lambda _: b"", ""),
        (lambda flac: b"RIFF" + flac[4:], ""),
        (lambda _: wav(), "a sound is not FLAC"),
        (lambda flac: flac[:60] + bytes(200) + flac[260:], ""),
    ],
)
def test_what_is_no_sound_of_its_clip_is_refused(tmp_path, files, change, reason):
    name = "02_common_estimate.flac"
    assert len(files[name]) > 1000
    refuse(tmp_path, packed({**files, name: change(files[name])}), reason)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compressed_archive_is_refused_before_it_grows(tmp_path, files, compression):
    grown = {**files, "clips.json": bytes(10**7)}
    refuse(tmp_path, packed(grown, compression), "compressed or encrypted")


def flagged(content, place, number):
    """An archive in which bytes of the first entry of its directory are others."""
    start = content.index(b"PK\x01\x02") + place
    return content[:start] + number + content[start + len(number) :]


@pytest.mark.parametrize(
    ("place", "number", "reason"),
    [
        (8, b"\1\0", "compressed or encrypted"),
        (10, b"\x63\0", "compressed or encrypted"),
        (20, b"\xff\xff\xff\x7f", "claim more bytes"),
        (24, b"\xff\xff\xff\x7f", "claim more bytes"),
        (42, b"\xff\xff\xff\x7f", ""),
        (6, b"\xff\0", "version"),
        (46, b"clips.json", ""),
    ],
)
def test_an_archive_that_lies_about_its_files_is_refused(tmp_path, files, place, number, reason):
    refuse(tmp_path, flagged(packed(files), place, number), reason)


def test_names_and_sizes_of_an_archive_are_counted(tmp_path, files, monkeypatch):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as opened, pytest.warns(UserWarning, match="Duplicate name"):
        for name in (*files, "clips.json"):
            opened.writestr(name, files[name])
    refuse(tmp_path, data.getvalue(), "two of its files have the same name")
    monkeypatch.setattr(archive, "_LARGEST_BYTES", 2**10)
    refuse(tmp_path, packed(files), "it is larger than 0 MiB")
