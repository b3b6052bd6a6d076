"""MoisesDB, Slakh2100, MedleyDB, a folder per instrument and a table: what is declared is read, and
what is wrong with a copy is one sentence.
"""

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
import yaml

import configs
from configs.splits import load_splits
from data_prep import write
from data_prep.audio.loading import load_track
from data_prep.audio.tracks import AudioFormat
from data_prep.corpora import CORPORA, list_tracks
from data_prep.corpora.layouts import csv_table, instruments, medleydb, moisesdb, slakh
from data_prep.corpora.layouts.layout import split_of_group
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.synthetic import write_layout
from data_prep.verify import iter_faults
from data_prep.writing.checks import finding_lines, judge
from data_prep.writing.prepare import TrackToPrepare, prepare

READERS = {
    "moisesdb": moisesdb,
    "slakh": slakh,
    "medleydb": medleydb,
    "instruments": instruments,
    "csv": csv_table,
}
RATE = 8000


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A corpus of four songs of a second in each layout."""
    root = tmp_path_factory.mktemp("made")
    for corpus in READERS:
        write_layout(root / corpus, secs=1.0, corpus=corpus)
    return root


@pytest.fixture
def spoil(made, tmp_path):
    """Gives a copy of a corpus to spoil."""
    return lambda corpus: Path(shutil.copytree(made / corpus, tmp_path / corpus))


def splits_for(corpus: str, tmp_path: Path) -> str:
    """The splits with which a corpus is read: its own, or for a folder per instrument a file."""
    if corpus != "instruments":
        return "official"
    path = tmp_path / "mine.json"
    path.write_text(
        json.dumps({"rule": "x", "train": ["0[12]*"], "valid": ["03*"], "test": ["*4*"]})
    )
    return str(path)


def listed(corpus: str, root: Path):
    return list_tracks(corpus, root, splits_for(corpus, root.parent))


def errors_of(corpus: str, root: Path) -> list[str]:
    return [error for track in listed(corpus, root).tracks for error in track.errors]


def edit_yaml(path: Path, change) -> None:
    values = yaml.safe_load(path.read_text())
    change(values)
    path.write_text(yaml.safe_dump(values))


def edit_json(path: Path, change) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def first(root: Path, pattern: str) -> Path:
    return min(root.glob(pattern))


# --- what is right
# ------------------------------------------------------------------------------


@pytest.mark.parametrize("corpus", READERS)
def test_a_reader_is_a_declaration(corpus):
    assert len(Path(READERS[corpus].__file__).read_text().splitlines()) <= 40
    assert CORPORA[corpus].num_tracks == READERS[corpus].NUM_TRACKS
    assert CORPORA[corpus].sample_rate == READERS[corpus].SAMPLE_RATE


@pytest.mark.parametrize("corpus", READERS)
def test_a_corpus_is_listed_with_all_that_it_says(made, corpus, tmp_path):
    listing = list_tracks(corpus, made / corpus, splits_for(corpus, tmp_path))
    assert [track.errors for track in listing.tracks] == [()] * 4
    assert sorted(track.split for track in listing.tracks) == ["test", "train", "train", "valid"]
    labels = {
        "moisesdb": ["drums", "bass", "guitar", "guitar", "piano", "vocals"],
        "slakh": ["drums", "bass", "guitar", "piano", "other"],
    }.get(corpus, ["drums", "bass", "guitar", "piano", "vocals"])
    for files in listing.tracks:
        assert sorted(label for label, _ in files.sources) == sorted(labels)
        assert (files.mixture is None) == (corpus == "moisesdb")
        assert [notes.instrument for notes in files.notes] == (labels if corpus == "slakh" else [])
    # What lies there beside is named with a reason, what was read is not.
    expected = ["files .json are not read: synthetic.json."]
    if corpus == "slakh":
        expected.append("files .mid are not read: test/Track00004/all_src.mid, ")
    if corpus == "medleydb":
        expected.insert(0, "nothing is read of 4 folders called *_RAW: stems are mixed from them.")
    assert len(listing.unused) == len(expected)
    for sentence, beginning in zip(listing.unused, expected, strict=True):
        assert sentence.startswith(beginning)


def test_moisesdb_is_the_sum_of_stems_of_any_length(made):
    files = list_tracks("moisesdb", made / "moisesdb", "official").tracks[0]
    track = load_track(files)
    assert track.num_parts == {"drums": 1, "bass": 1, "guitar": 2, "piano": 1, "vocals": 1}
    parts = {path: soundfile.read(path, dtype="float32")[0] for path in files.paths}
    total = np.zeros((44100, 2), np.float32)
    for part in parts.values():
        total[: len(part)] += part
    np.testing.assert_allclose(track.mixture, total, atol=1e-6)
    assert min(map(len, parts.values())) == 39690
    assert any("has 39690 frames, the track 44100: padded." in each for each in track.warnings)
    assert re.fullmatch(
        r"other sources are heard in drums/[-0-9a-f]+\.wav, as has_bleed says\.", track.warnings[0]
    )


def test_a_mono_recording_of_moisesdb_is_heard_on_both_sides(spoil):
    root = spoil("moisesdb")
    path = first(root, "moisesdb_v0.1/*/piano/*.wav")
    waveform, rate = soundfile.read(path, dtype="float32")
    soundfile.write(path, waveform[:, 0], rate, subtype="PCM_16")
    files = listed("moisesdb", root).tracks[0]
    assert path in files.paths
    track = load_track(files)
    np.testing.assert_array_equal(track.sources["piano"], waveform[:, [0, 0]])
    assert f"{path.name} is mono: it is the same on both channels." in track.warnings
    # In no other corpus: there it is damage.
    root = spoil("medleydb")
    path = first(root, "Audio/*/*_STEMS/*_01.wav")
    soundfile.write(path, soundfile.read(path)[0][:, 0], 44100)
    with pytest.raises(ValueError, match=r"STEM_01\.wav has 44100 Hz and 1 channels, .* and 2"):
        load_track(listed("medleydb", root).tracks[0])


def test_an_artist_stays_in_one_split(made):
    tracks = list_tracks("medleydb", made / "medleydb", "official").tracks
    splits = {track.name: track.split for track in tracks}
    assert splits["Friends0_Dawn"] == splits["Friends0_Harbour"] == split_of_group("Friends0")
    found = [split_of_group(f"Artist {number}") for number in range(2000)]
    assert found.count("test") / 2000 == pytest.approx(0.15, abs=0.02)
    assert found.count("valid") / 2000 == pytest.approx(0.15, abs=0.02)
    # Written down, as it must never change: an accent however it was typed, too.
    assert [split_of_group(name) for name in ("Friends0", "Friends1", "Friends2")] == [
        "train",
        "valid",
        "test",
    ]
    assert split_of_group("Beyonc\u00e9") == split_of_group("Beyonce\u0301")


def test_a_split_file_of_a_user_has_the_last_word(made, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"rule": "x", "train": ["*Dawn"], "excluded": ["*"]}))
    with pytest.raises(ValueError, match="stands in train and excluded"):
        list_tracks("medleydb", made / "medleydb", str(path))
    path.write_text(json.dumps({"rule": "x", "valid": ["Friends0*"], "excluded": ["Friends[12]*"]}))
    tracks = list_tracks("medleydb", made / "medleydb", str(path)).tracks
    assert [track.split for track in tracks] == ["valid", "valid"]
    # Its map of names holds, too, and without one the shipped one does.
    assert {label for label, _ in tracks[0].sources} >= {"drums", "vocals"}
    names = {"* singer": "voice", "drum set": None, "*": "band"}
    path.write_text(json.dumps({"rule": "x", "test": ["*"], "names": names}))
    tracks = list_tracks("medleydb", made / "medleydb", str(path)).tracks
    assert [label for label, _ in tracks[0].sources] == ["band", "band", "band", "voice"]


@pytest.mark.slow
def test_slakh_becomes_records_with_its_midi_as_notes(made, tmp_path):
    out = str(tmp_path / "out")
    config = configs.load("smoke", ["data.splits=slakh", f"audio.sample_rate={RATE}"])
    manifest = write.write(config, "slakh", made / "slakh", out)
    assert manifest.layout.sources == load_splits("slakh").vocabulary
    (entry,) = manifest.tracks("test")
    assert not entry.warnings
    root = made / "slakh" / "test" / "Track00004"
    expected = []
    for path in sorted((root / "MIDI").glob("S*.mid")):
        # As mido itself plays a file: seconds.
        secs = 0.0
        for message in mido.MidiFile(path):
            secs += message.time
            if message.type == "note_on" and message.velocity and secs < 1:
                expected.append((round(secs * RATE), message.note * 100))
    (track,) = iter_full_tracks(manifest, out, "test")
    assert sorted(zip(*track.notes[:, [0, 2]].T.tolist(), strict=True)) == sorted(expected)
    assert entry.num_notes == len(expected) > 10
    manifest.require_notes(out, ["train", "valid", "test"])
    mixture = soundfile.read(root / "mix.flac", dtype="float32")[0]
    assert track.mixture.std() == pytest.approx(mixture.std(), rel=0.3)
    np.testing.assert_allclose(track.references.sum(axis=0), track.mixture, atol=2e-3)
    assert list(iter_faults(out, made / "slakh")) == []


@pytest.mark.slow
def test_moisesdb_has_the_sources_of_musdb_if_wanted(made, tmp_path):
    config = configs.load("smoke", ["data.splits=moisesdb_four", f"audio.sample_rate={RATE}"])
    manifest = write.write(config, "moisesdb", made / "moisesdb", tmp_path / "out")
    assert manifest.layout.sources == ("drums", "bass", "other", "vocals")
    (entry,) = manifest.tracks("test")
    assert entry.num_parts == {"drums": 1, "bass": 1, "other": 3, "vocals": 1}


def test_a_folder_of_one_level_more_is_found(made):
    inner = list_tracks("moisesdb", made / "moisesdb" / "moisesdb_v0.1", "official").tracks
    outer = list_tracks("moisesdb", made / "moisesdb", "official").tracks
    assert inner == outer


def test_the_corpora_are_made_of_dice_alone(made, tmp_path):
    for corpus in READERS:
        # Again, as if the former call had been interrupted.
        copy = tmp_path / corpus
        shutil.copytree(made / corpus, copy)
        song = min(copy.rglob("*Dawn*"), default=copy / "train" / "Track00001")
        if corpus == "moisesdb":
            song = first(copy, "moisesdb_v0.1/*")
        if corpus == "instruments":
            song = copy / "mixture" / "01_Dawn.wav"
        shutil.rmtree(song) if song.is_dir() else song.unlink()
        write_layout(copy, secs=1.0, corpus=corpus)
        of_copy, of_made = (
            {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
            for root in (copy, made / corpus)
        )
        assert of_copy == of_made


# --- what is wrong
# ------------------------------------------------------------------------------


def test_a_file_that_a_sidecar_names_is_missing(spoil):
    root = spoil("moisesdb")
    path = first(root, "moisesdb_v0.1/*/bass/*.wav")
    path.unlink()
    expected = f"{path} is missing, which data.json names; copy the track again."
    assert errors_of("moisesdb", root) == [expected]
    root = spoil("slakh")
    (root / "train" / "Track00001" / "mix.flac").unlink()
    (error,) = errors_of("slakh", root)
    assert error.endswith("mix.flac is missing, which metadata.yaml names; copy the track again.")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "holds [1]; expected fields with names"),
        (b"", "is empty"),
        (b"\xff\xfe", "is not text in UTF-8"),
        (None, "is missing; copy it again from the corpus."),
    ],
)
def test_a_sidecar_that_is_no_json(spoil, content, sentence):
    root = spoil("moisesdb")
    path = first(root, "moisesdb_v0.1/*/data.json")
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    (error,) = errors_of("moisesdb", root)
    assert error.startswith(str(path))
    assert sentence in error


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a: b: c", "is not YAML (mapping values are not allowed here"),
        ("!!python/object/apply:os.system [ls]", "is not YAML (could not determine a constructor"),
        ("[" * 600, "is not YAML ("),
        ("- a", "holds ['a']; expected fields with names"),
        ("", "holds None; expected fields with names"),
        ("a: " + "x" * 2**22, "letters; expected 4,194,304 at most"),
    ],
)
def test_a_sidecar_that_is_no_yaml(spoil, content, sentence):
    root = spoil("medleydb")
    path = root / "Metadata" / "Friends0_Harbour_METADATA.yaml"
    path.write_text(content)
    (error,) = errors_of("medleydb", root)
    assert str(path) in error
    assert sentence in error
    assert "\n" not in error


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda v: v.pop("artist"), "lacks the field 'artist'; its fields are song, genre, stems"),
        (lambda v: v.pop("stems"), "lacks the field 'stems'; its fields are artist, song, genre"),
        (lambda v: v.update(stems=[]), "the field 'stems' of {path} is []; expected one entry"),
        (lambda v: v.update(stems="all"), "is 'all'; expected one entry or more"),
        (lambda v: v.update(stems=["drums"]), "stems 1 of {path} holds 'drums'; expected fields"),
        (
            lambda v: v["stems"][0]["tracks"][0].pop("id"),
            "tracks 1 of stems 1 of {path} lacks the field 'id'",
        ),
        (
            lambda v: v["stems"][1]["tracks"][0].update(id="../drums/x"),
            "the field 'id' of tracks 1 of stems 2 of {path} is '../drums/x'; expected the name of",
        ),
        (
            lambda v: v["stems"][0]["tracks"][0].update(has_bleed="maybe"),
            "the field 'has_bleed' of tracks 1 of stems 1 of {path} is 'maybe'; expected yes or no",
        ),
        (lambda v: v.update(artist=7), "the field 'artist' of {path} is 7; expected a text"),
    ],
)
def test_a_sidecar_with_other_fields(spoil, change, sentence):
    root = spoil("moisesdb")
    path = first(root, "moisesdb_v0.1/*/data.json")
    edit_json(path, change)
    (error,) = errors_of("moisesdb", root)
    assert sentence.format(path=path) in error


def test_names_that_nobody_mapped_are_one_error_with_counts(spoil):
    root = spoil("medleydb")
    for path in root.rglob("*_METADATA.yaml"):
        edit_yaml(path, lambda v: v["stems"]["S01"].update(instrument="kazoo"))
    edit_yaml(path, lambda v: v["stems"]["S02"].update(instrument=["saw", "nose flute"]))
    with pytest.raises(ValueError) as caught:
        listed("medleydb", root)
    assert str(caught.value) == (
        f"{root} has sources that the splits 'medleydb' do not name: kazoo (4), saw, nose flute "
        f"(1); add them to 'names' of a split file, null ignores one."
    )


def test_a_rendered_stem_has_its_notes(spoil):
    root = spoil("slakh")
    path = root / "test" / "Track00004" / "MIDI" / "S02.mid"
    path.unlink()
    assert errors_of("slakh", root) == [f"{path} is missing, the notes of S02.flac; copy it again."]
    # Where the corpus says that it has none, nothing is missing.
    edit_yaml(
        path.parents[1] / "metadata.yaml", lambda v: v["stems"]["S02"].update(midi_saved=False)
    )
    assert errors_of("slakh", root) == []


def test_a_stem_that_was_not_rendered_has_no_file(spoil):
    root = spoil("slakh")
    path = root / "test" / "Track00004" / "metadata.yaml"
    edit_yaml(path, lambda v: v["stems"]["S05"].update(audio_rendered=True))
    (error,) = errors_of("slakh", root)
    assert "S05.flac is missing, which metadata.yaml names" in error


def test_notes_that_are_none_or_of_another_stem_are_found(spoil):
    root = spoil("slakh")
    folder = root / "test" / "Track00004" / "MIDI"
    (folder / "S02.mid").write_bytes(b"MThd, but a diary")
    (files,) = [track for track in listed("slakh", root).tracks if track.split == "test"]
    with pytest.raises(ValueError, match=r"S02\.mid is (cut short|no MIDI file)"):
        load_track(files, AudioFormat(RATE, 1))


def test_a_sound_that_no_sidecar_names_is_told(spoil):
    root = spoil("moisesdb")
    stem = first(root, "moisesdb_v0.1/*/bass")
    shutil.copy(first(stem, "*.wav"), stem / "again.wav")
    (sentence,) = [each for each in listed("moisesdb", root).unused if "again" in each]
    assert sentence.startswith(f"{stem} is of a track, and these are left out: again.wav.")


def test_what_slakh_omits_is_said_once(spoil):
    root = spoil("slakh")
    shutil.copytree(root / "train" / "Track00001", root / "omitted" / "Track00099")
    listing = listed("slakh", root)
    assert len(listing.tracks) == 4
    assert [each for each in listing.unused if "omitted" in each] == [
        "nothing is read of 1 folder called omitted: redux leaves them out, as their MIDI occurs in "
        "others."
    ]


def test_a_track_in_two_places_is_refused(spoil):
    root = spoil("slakh")
    shutil.copytree(root / "train" / "Track00001", root / "test" / "Track00001")
    with pytest.raises(ValueError, match=r"has the track 'Track00001' more than once, in .*remove"):
        listed("slakh", root)


def test_two_mixtures_and_one_sound_twice_are_refused(spoil):
    root = spoil("instruments")
    for folder in ("mixture", "drums"):
        waveform, rate = soundfile.read(root / folder / "01_Dawn.wav")
        soundfile.write(root / folder / "01_Dawn.flac", waveform, rate)
    twice, more = errors_of("instruments", root)[:2], errors_of("instruments", root)[2]
    assert twice == [
        f"the track 01_Dawn has {root / 'drums' / '01_Dawn.flac'} and 01_Dawn.wav, one sound twice; "
        f"expected one of them.",
        f"the track 01_Dawn has {root / 'mixture' / '01_Dawn.flac'} and 01_Dawn.wav, one sound "
        f"twice; expected one of them.",
    ]
    assert more.startswith("the track 01_Dawn has 2 mixtures, ")


def test_a_mixture_alone_has_no_source(spoil):
    root = spoil("instruments")
    shutil.copy(root / "mixture" / "01_Dawn.wav", root / "mixture" / "04_solo.wav")
    assert errors_of("instruments", root) == [
        f"the track 04_solo in {root} has no source; expected one or more."
    ]


@pytest.mark.parametrize("quotes", ["'", ""])
def test_yes_with_quotes_and_without_is_yes(spoil, quotes):
    """YAML takes a bare yes for true."""
    root = spoil("medleydb")
    path = first(root, "Audio/*/*_METADATA.yaml")
    text = path.read_text()
    assert "has_bleed: 'no'" in text
    path.write_text(text.replace("has_bleed: 'no'", f"has_bleed: {quotes}yes{quotes}"))
    (track,) = [each for each in listed("medleydb", root).tracks if each.name == path.parent.name]
    (warning,) = track.warnings
    assert "_STEM_03.wav and 2 more, as has_bleed says." in warning
    path.write_text(text.replace("has_bleed: 'no'", "has_bleed: 'maybe'"))
    assert errors_of("medleydb", root) == [
        f"the field 'has_bleed' of {path} is 'maybe'; expected yes or no: copy it again from the "
        f"corpus."
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a,drums,none.wav,train", "none.wav is missing, which tracks.csv names; copy the track"),
        ("a,drums,{file},train\na,bass,{file},train", "one sound twice; expected one of them"),
        ("a,drums,{file},tarin", "says the split 'tarin'; expected one of train, valid, test."),
        ("a,drums,,train", "has no file; expected one."),
        ("a,drums,{file}", "has 3 cells, its head 4; expected one for each column."),
        ("a,drums,{file},train\na,bass,x,test", "says train and test of a; expected one split."),
        ("a,mixture,{file},train\na,mixture,x,train", "the track a has 2 mixtures, "),
    ],
)
def test_lines_of_a_table_that_are_wrong(spoil, line, sentence):
    root = spoil("csv")
    file = first(root, "sounds/*/drums.wav").relative_to(root).as_posix()
    with (root / "tracks.csv").open("a") as table:
        table.write(line.format(file=file) + "\n")
    try:
        told = " ".join(errors_of("csv", root))
    except ValueError as error:
        told = str(error)
    assert sentence in told


def test_a_table_without_splits_asks_for_a_file(spoil):
    root = spoil("csv")
    rows = list(csv.reader((root / "tracks.csv").read_text().splitlines()))
    (root / "tracks.csv").write_text("\n".join(",".join(row[:3]) for row in rows))
    with pytest.raises(ValueError, match="the corpus csv has no official splits; choose a split"):
        listed("csv", root)
    (root / "tracks.csv").write_text("track,file\n")
    with pytest.raises(ValueError, match="the columns track, file; expected track, source, file, "):
        listed("csv", root)


@pytest.mark.parametrize(("corpus", "found"), [("moisesdb", "csv"), ("csv", "slakh")])
def test_another_corpus_is_refused(made, corpus, found):
    with pytest.raises(ValueError, match=r"has no .* tracks; expected "):
        list_tracks(corpus, made / found, "official")


# --- what only the sound tells
# ------------------------------------------------------------------------------


def check(corpus: str, root: Path) -> str:
    """What data_prep.write --check finds in a corpus, without the seconds of importing TensorFlow."""
    config = configs.load("smoke", [f"data.splits={corpus}", f"audio.sample_rate={RATE}"])
    listing = list_tracks(corpus, root, corpus)
    config = replace(config, data=replace(config.data, sources=listing.splits.vocabulary))
    tracks = [prepare(TrackToPrepare(files, config, None)) for files in listing.tracks]
    return "\n".join(finding_lines(judge(listing, tracks, config, strict=False, skip_bad=False)))


def test_faults_that_only_the_sound_tells(spoil):
    root = spoil("slakh")
    tracks = [path.parent for path in sorted(root.rglob("metadata.yaml"))]
    # The recording of a test track in training; whole tracks are the same.
    shutil.rmtree(root / "train" / "Track00001")
    shutil.copytree(root / "test" / "Track00004", root / "train" / "Track00001")
    # A mixture shorter than its stems; and a stem of another rate.
    shorter = root / "train" / "Track00002"
    waveform, rate = soundfile.read(shorter / "mix.flac")
    soundfile.write(shorter / "mix.flac", waveform[:40000], rate)
    other = root / "validation" / "Track00003" / "stems" / "S00.flac"
    soundfile.write(other, waveform, 22050)
    told = check("slakh", root)
    assert len(tracks) == 4
    assert re.search(r"leak: .*Track0000[14].*; put both into one split", told)
    assert "S00.flac has 44100 frames, the track 40000: trimmed." in told
    assert f"{other} has 22050 Hz and 1 channels, " in told
    assert "errors (2):" in told


def test_another_rate_than_was_published_is_told(spoil):
    root = spoil("moisesdb")
    for path in root.rglob("*.wav"):
        waveform, _ = soundfile.read(path)
        soundfile.write(path, waveform[::2], 22050)
    told = check("moisesdb", root)
    assert (
        told.count("it has 22050 Hz, the corpus was published at 44100; is it the original?") == 4
    )
    assert "has 4 tracks, 240 were published; is the copy complete?" in told


def test_a_mastered_mix_is_a_warning(made):
    told = check("medleydb", made / "medleydb")
    assert told.count("_MIX.wav is not the sum of its sources: the rest is at -") == 4
    assert told.rstrip().endswith("no errors")
