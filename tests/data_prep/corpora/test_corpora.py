"""Bach10, and any folder of a user's own, become records without code; wrong layouts are told in a
sentence.
"""

import json
import re
import unicodedata

import numpy as np
import pytest
import soundfile

import configs
from data_prep import write
from data_prep.audio.loading import load_track
from data_prep.audio.tracks import AudioFormat
from data_prep.corpora import CORPORA, list_tracks
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.synthetic import write_musdb
from data_prep.verify import iter_faults
from trainer.tasks.separation.task import SeparationTask

RATE = 16000


def sound(seed, secs=1.0, channels=1):
    return (
        0.1 * np.random.default_rng(seed).uniform(-1, 1, (round(secs * RATE), channels))
    ).astype(np.float32)


def save(path, waveform, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate, subtype="PCM_24")
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


# --- a user's own folder
# ------------------------------------------------------------------------------

SPLITS = {
    "rule": "By hand.",
    "train": ["song *"],
    "test": ["live"],
    "excluded": ["draft"],
    "vocabulary": ["voice", "band"],
    "names": {"Lead*": "voice", "choir": "voice", "mixture": "mixture", "click": None, "*": "band"},
}


@pytest.fixture
def mine(tmp_path):
    """A folder as people have them: other formats, parts, no mixture, hidden files."""
    root = tmp_path / "mine"
    for i, name in enumerate(("song 1", "song 2", "live", "draft")):
        save(root / name / "Lead vox.flac", sound(10 * i, channels=2))
        save(root / name / "choir.wav", sound(10 * i + 1, channels=2))
        save(root / name / "guitar.wav", sound(10 * i + 2, channels=2))
        save(root / name / "click.wav", sound(10 * i + 3, channels=2))
    save(root / ".trash" / "old.wav", sound(99))
    (root / "notes").mkdir()
    (root / "notes" / "lyrics.txt").write_text("la la la")
    (root / "song 1" / ".hidden.wav").write_bytes(b"")
    (tmp_path / "mine.json").write_text(json.dumps(SPLITS))
    return root


def test_a_folder_becomes_records_with_the_vocabulary_of_its_split_file(mine, tmp_path):
    config = configs.load(
        "smoke_musdb", [f"data.splits={tmp_path / 'mine.json'}", f"audio.sample_rate={RATE}"]
    )
    manifest = write.write(config, "folder", mine, tmp_path / "out")
    assert manifest.layout.sources == ("voice", "band")
    assert [track.name for track in manifest.tracks("train")] == ["song 1", "song 2"]
    assert [track.name for track in manifest.tracks("test")] == ["live"]
    (live,) = iter_full_tracks(manifest, str(tmp_path / "out"), "test")
    lead, choir, guitar = (
        soundfile.read(mine / "live" / name, dtype="float32")[0].mean(axis=1, keepdims=True)
        for name in ("Lead vox.flac", "choir.wav", "guitar.wav")
    )
    np.testing.assert_allclose(live.references, [lead + choir, guitar], atol=1e-5)
    np.testing.assert_allclose(live.mixture, lead + choir + guitar, atol=1e-5)
    assert manifest.tracks("test")[0].num_parts == {"voice": 2, "band": 1}


def test_a_mixture_that_is_there_is_used(mine, tmp_path):
    written = save(mine / "live" / "mixture.wav", sound(7, channels=2))
    track = load_track(
        next(
            t
            for t in list_tracks("folder", mine, str(tmp_path / "mine.json")).tracks
            if t.name == "live"
        )
    )
    assert np.array_equal(track.mixture, written)
    assert any("mixture.wav is not the sum of its sources" in warning for warning in track.warnings)


def test_parts_of_different_length_without_a_mixture(tmp_path):
    root = tmp_path / "mine"
    parts = [
        save(root / "a" / f"{name}.wav", sound(i, secs))
        for i, (name, secs) in enumerate((("x", 1.0), ("y", 0.5)))
    ]
    (tmp_path / "s.json").write_text(
        json.dumps({"rule": "x", "train": ["a"], "names": {"*": "vn"}})
    )
    (files,) = list_tracks("folder", root, str(tmp_path / "s.json")).tracks
    track = load_track(files)
    padded = np.pad(parts[1], ((0, RATE // 2), (0, 0)))
    np.testing.assert_allclose(track.mixture, parts[0] + padded, atol=1e-7)
    assert track.warnings == ("y.wav has 8000 frames, the track 16000: padded.",)
    assert load_track(files, AudioFormat(8000, 2)).sources["vn"].shape == (8000, 2)


def test_what_a_folder_must_not_be(mine, tmp_path):
    def errors(**changes):
        (tmp_path / "mine.json").write_text(json.dumps({**SPLITS, **changes}))
        return [
            e
            for track in list_tracks("folder", mine, str(tmp_path / "mine.json")).tracks
            for e in track.errors
        ]

    assert errors() == []
    assert errors(names={"Lead*": "voice", "guitar": "band", "choir": None})[0] == (
        f"{mine / 'live' / 'click.wav'}: the splits {str(tmp_path / 'mine.json')!r} do not say "
        "what 'click' is; add it "
        f"to 'names', null ignores it."
    )
    assert f"{mine / 'live'} has no file of a source" in errors(names={"*": None})[0]
    save(mine / "live" / "mixture.flac", sound(1))
    save(mine / "live" / "mixture.wav", sound(1))
    assert (
        f"{mine / 'live'} has 2 mixtures, mixture.flac and mixture.wav; expected one."
        in errors()[0]
    )
    with pytest.raises(ValueError, match="name a split file with --splits=FILE"):
        list_tracks("folder", mine, "official")
    with pytest.raises(ValueError, match="has no tracks; expected folders with sound files"):
        list_tracks("folder", mine / "live", str(tmp_path / "mine.json"))


def mine_config(tmp_path):
    overrides = [f"data.splits={tmp_path / 'mine.json'}", f"audio.sample_rate={RATE}"]
    return configs.load("smoke_musdb", overrides)


def test_labels_and_tags_of_a_table_are_in_the_records(mine, tmp_path):
    for name in ("Lead vox.flac", "choir.wav", "guitar.wav", "click.wav"):
        (mine / "live" / name).unlink()
    save(mine / "live" / "mixture.wav", sound(7, channels=2))
    table = 'track,voice,band,tags\nlive,0.7,,"calm; old"\nsong 1,,1,loud\n'
    (mine / "labels.csv").write_text(table, encoding="utf-8-sig")
    config = mine_config(tmp_path)
    out = str(tmp_path / "out")
    manifest = write.write(config, "folder", mine, tmp_path / "out")
    first, second = manifest.tracks("train")
    (live,) = manifest.tracks("test")
    assert (first.labels, first.unknown, first.tags) == (("voice", "band"), (), ("loud",))
    assert (second.labels, second.unknown, second.tags) == (("voice", "band"), (), ())
    assert (live.labels, live.unknown, live.tags) == (("voice",), ("band",), ("calm", "old"))
    assert live.num_parts == {}
    assert not live.warnings
    (record,) = manifest.iter_records(out, "test")
    assert record.labels.tolist() == [1, -1]
    np.testing.assert_allclose(record.grades, [0.7, -1])
    assert record.tags == ("calm", "old")
    manifest.require_sources(out, ["train"])
    with pytest.raises(ValueError, match=r"live in .*out has no source of voice"):
        manifest.require_sources(out, ["train", "test"])
    # A finished folder is finished, but not for another table.
    assert write.write(config, "folder", mine, tmp_path / "out") == manifest
    (mine / "labels.csv").write_text(table.replace("calm; old", "new"))
    with pytest.raises(ValueError, match="the labels or tags of live are others; choose another"):
        write.write(config, "folder", mine, tmp_path / "out")
    (mine / "labels.csv").write_text(table.replace("0.7", "0.8"))
    with pytest.raises(ValueError, match="the labels or tags of live are others; choose another"):
        write.write(config, "folder", mine, tmp_path / "out")
    manifest = write.write(config, "folder", mine, tmp_path / "again")
    assert manifest.tracks("test")[0].tags == ("calm", "old")
    assert list(iter_faults(str(tmp_path / "again"), mine)) == []


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("", "begins with the columns of nothing; expected track, then instruments"),
        ("name,voice\n", "begins with the columns name, voice; expected track"),
        ("track,voice,voice\n", "begins with the columns track, voice, voice; expected track"),
        ("track,voice\nlive,1,0\n", "line 2 of .* has 3 cells, its head 2"),
        ("track,voice\nlive,yes\n", "line 2 of .* says 'yes'; expected 1"),
        ("track,voice\nlive,1.5\n", r"line 2 of .* says '1\.5'; expected 1"),
        ("track,voice\nlive,nan\n", "line 2 of .* says 'nan'; expected 1"),
        ("track,voice\nlive,1\nlive,1\n", "line 3 of .* is of live, as is one before"),
        ("track,voice\nlife,1\n", "has a line of life, and .* no such track"),
        ('track,voice\n"live,1\n', "cannot be read as a table in UTF-8"),
        (b"track,voice\n\xff,1\n", "cannot be read as a table in UTF-8"),
    ],
)
def test_a_table_of_labels_that_is_none_is_one_sentence(mine, tmp_path, table, sentence):
    content = table if isinstance(table, bytes) else table.encode()
    (mine / "labels.csv").write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        list_tracks("folder", mine, str(tmp_path / "mine.json"))


def test_separation_learns_from_no_mixture_alone(tmp_path):
    root = tmp_path / "mine"
    save(root / "solo" / "mixture.wav", sound(7))
    (root / "labels.csv").write_text("track,voice,band\nsolo,1,0\n")
    splits = {"rule": "One.", "train": ["solo"], "vocabulary": ["voice", "band"]}
    (tmp_path / "mine.json").write_text(json.dumps(splits))
    out = str(tmp_path / "out")
    manifest = write.write(mine_config(tmp_path), "folder", root, tmp_path / "out")
    config = configs.override(mine_config(tmp_path), ["data.sources=voice,band"])
    with pytest.raises(ValueError, match=r"solo in .*out has no source of voice"):
        SeparationTask(config, manifest, out)


def test_labels_that_sources_contradict_are_errors_of_the_track(mine, tmp_path):
    table = "track,voice,drums\nlive,0,1\n"
    (mine / "labels.csv").write_text(table)
    tracks = list_tracks("folder", mine, str(tmp_path / "mine.json")).tracks
    (live,) = [track for track in tracks if track.name == "live"]
    assert live.errors == (
        "labels.csv says that drums plays in live, which has no file of it.",
        "labels.csv says that voice does not play in live, which has a file of it.",
    )


def test_a_label_without_a_slot_is_an_error_of_the_track(mine, tmp_path, capsys):
    save(mine / "solo" / "mixture.wav", sound(7, channels=2))
    (mine / "labels.csv").write_text("track,zither\nsolo,1\n")
    (tmp_path / "mine.json").write_text(json.dumps({**SPLITS, "valid": ["solo"]}))
    with pytest.raises(ValueError, match="has 1 error, listed above"):
        write.write(mine_config(tmp_path), "folder", mine, tmp_path / "out")
    assert (
        "solo has the labels zither, which the vocabulary does not name" in capsys.readouterr().out
    )


# --- sound files of which nothing else is known
# ------------------------------------------------------------------------------


def test_sound_files_are_tracks_of_which_nobody_knows_what_plays(tmp_path):
    root = tmp_path / "music"
    for number in range(12):
        save(root / f"album {number // 6}" / f"{number:02d}.wav", sound(number, channels=2))
    save(root / ".trash" / "hidden.wav", sound(99))
    (root / "cover.txt").write_text("none")
    config = configs.load("smoke", [f"audio.sample_rate={RATE}", "data.splits=official"])
    out = str(tmp_path / "out")
    manifest = write.write(config, "music", root, out)
    assert [track.name for track in manifest.tracks("test")] == ["album 1/09.wav"]
    assert [track.name for track in manifest.tracks("valid")] == ["album 0/04.wav"]
    assert len(manifest.tracks("train")) == 10
    (record,) = manifest.iter_records(out, "test")
    assert set(record.labels.tolist()) == {-1}
    assert record.sources.shape[0] == 0
    expected = sound(9, channels=2).mean(axis=1)
    found = record.mixture[:, 0] * record.scales[0]
    np.testing.assert_allclose(found[record.owned()], expected, atol=1e-4)
    assert list(iter_faults(out, root)) == []
    with pytest.raises(ValueError, match=r"has no source|no label of"):
        manifest.require_sources(out, ["train"])


def test_a_folder_without_sound_files_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="has no sound files; expected files"):
        list_tracks("music", tmp_path, "official")


def test_a_split_file_says_where_sound_files_belong(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / "music" / f"{name}.wav", sound(1))
    splits = {"rule": "By hand.", "train": ["a.wav"], "test": ["b*"]}
    (tmp_path / "mine.json").write_text(json.dumps(splits))
    listing = list_tracks("music", tmp_path / "music", str(tmp_path / "mine.json"))
    assert [(track.name, track.split) for track in listing.tracks] == [
        ("a.wav", "train"),
        ("b.wav", "test"),
    ]


# --- Bach10
# ------------------------------------------------------------------------------


@pytest.fixture
def bach10(tmp_path):
    root = tmp_path / "Bach10_v1.1"
    for i, name in enumerate(("01-AchGottundHerr", "02-AchLiebenChristen")):
        parts = [
            save(root / name / f"{name}-{instrument}.wav", sound(10 * i + k), 44100)
            for k, instrument in enumerate(
                ("violin", "clarinet", "saxphone" if i else "saxophone", "bassoon")
            )
        ]
        save(root / name / f"{name}.wav", sum(parts), 44100)
        (root / name / f"{name}.txt").write_text("0 1 60 1\n")
    (root / "Code").mkdir()
    return root


def test_bach10_has_the_labels_of_urmp(bach10):
    listing = list_tracks("bach10", bach10, "bach10")
    assert [(track.name, track.split, track.errors) for track in listing.tracks] == [
        ("01-AchGottundHerr", "test", ()),
        ("02-AchLiebenChristen", "test", ()),
    ]
    for files in listing.tracks:
        track = load_track(files)
        assert set(track.sources) == {"vn", "cl", "sax", "bn"}
        assert track.residual_db < -100
        violin = soundfile.read(
            bach10 / files.name / f"{files.name}-violin.wav", dtype="float32", always_2d=True
        )[0]
        assert np.array_equal(track.sources["vn"], violin)


def test_bach10_misses_nothing_in_silence(bach10):
    folder = bach10 / "01-AchGottundHerr"
    (folder / "01-AchGottundHerr-bassoon.wav").rename(folder / "01-AchGottundHerr-fagott.wav")
    (track, _) = list_tracks("bach10", bach10, "bach10").tracks
    assert (
        "fagott.wav names no instrument of Bach10; expected one of violin, clarinet"
        in track.errors[0]
    )
    (folder / "01-AchGottundHerr-fagott.wav").unlink()
    (folder / "01-AchGottundHerr.wav").unlink()
    (track, _) = list_tracks("bach10", bach10, "bach10").tracks
    assert f"{folder} has no file for bn" in track.errors[0]
    assert f"{folder / '01-AchGottundHerr.wav'} is missing" in track.errors[1]
    with pytest.raises(ValueError, match="has no Bach10 pieces"):
        list_tracks("bach10", bach10 / "Code", "bach10")


# --- MUSDB18 as vocals and accompaniment
# ------------------------------------------------------------------------------


def test_musdb_as_vocals_and_accompaniment(tmp_path):
    write_musdb(tmp_path / "hq", num_pieces=4, secs=2.0)
    overrides = ["audio.sample_rate=16000", "data.sources=vocals,accompaniment"]
    manifest = write.write(
        configs.load("smoke_musdb", overrides), "musdb", tmp_path / "hq", tmp_path / "out"
    )
    (track,) = iter_full_tracks(manifest, str(tmp_path / "out"), "test")
    np.testing.assert_allclose(track.references.sum(axis=0), track.mixture, atol=2e-3)
    assert manifest.tracks("test")[0].num_parts == {"vocals": 1, "accompaniment": 3}
    assert np.abs(track.references[1]).max() > 0.01


@pytest.mark.parametrize("corpus", sorted(CORPORA))
def test_a_root_that_is_not_there_is_one_sentence(corpus, tmp_path):
    (tmp_path / "s.json").write_text(json.dumps({"rule": "x", "train": ["*"]}))
    with pytest.raises(ValueError, match=rf"{tmp_path}/none (is not a folder|has no )"):
        list_tracks(corpus, tmp_path / "none", str(tmp_path / "s.json"))


def test_what_no_track_uses_is_named_with_a_reason(mine, tmp_path):
    (mine / "song 1" / "notes.mid").write_bytes(b"")
    for name in ("deeper/stems/voice.wav", "loose.wav"):
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_bytes(b"")
    (mine / "empty").mkdir()
    listing = list_tracks("folder", mine, str(tmp_path / "mine.json"))
    assert [track.errors for track in listing.tracks] == [()] * 3
    left_out = "\n".join(listing.unused)
    for pattern in (
        r"mine is of no track, and these are left out: loose\.wav\.",
        r"song 1 is of a track, and these are left out: click\.wav\.",
        r"files \.mid are not read: song 1/notes\.mid\.",
        r"deeper/stems is of no track, and these are left out: voice\.wav\.",
        r"empty is left out: it holds no sound files\.",
        r"files \.txt are not read: notes/lyrics\.txt\.",
    ):
        assert re.search(pattern, left_out), pattern
    assert "hidden" not in left_out and "trash" not in left_out


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_accent_is_one_however_it_was_typed(tmp_path, form):
    name, label = (unicodedata.normalize(form, text) for text in ("Café Noël", "mélodie"))
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    save(tmp_path / "c" / name / f"{label}.wav", sound(0))
    splits = {"rule": "x", "train": [unicodedata.normalize(other, "Café Noël")]}
    splits["names"] = {unicodedata.normalize(other, "mélodie"): "voice"}
    (tmp_path / "s.json").write_text(json.dumps(splits))
    (track,) = list_tracks("folder", tmp_path / "c", str(tmp_path / "s.json")).tracks
    assert (track.split, track.sources[0][0], track.errors) == ("train", "voice", ())


def test_a_wav_whose_writer_left_its_size_at_zero_is_read(tmp_path):
    path = tmp_path / "c" / "one" / "voice.wav"
    expected = save(path, sound(0))
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = bytes(4)
    path.write_bytes(content)
    (tmp_path / "s.json").write_text('{"rule": "x", "train": ["*"]}')
    (files,) = list_tracks("folder", tmp_path / "c", str(tmp_path / "s.json")).tracks
    np.testing.assert_array_equal(load_track(files).sources["voice"], expected)
