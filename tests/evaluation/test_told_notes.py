"""Notes from a corpus to stems: records, a run, its audit and scores, and a song with a MIDI file."""

import json
import shutil

import mido
import numpy as np
import pytest
import soundfile

from data_prep.records.full_tracks import iter_full_tracks
from data_prep.records.manifest import load_manifest
from tests.support.commands import run_command, set_flags

RATE = 4000
SMALL = [
    f"audio.sample_rate={RATE}",
    "data.excerpt_secs=0.7",
    "data.context_frames=500",
    "model.num_levels=3",
    "model.num_filters=2",
    "model.estimate_frames=501",
    "evaluation.filter_taps=8",
]
TOLD = [
    "model.timing=notes",
    "model.gate_timing=true",
    "model.gate_release_secs=0.02",
    "augmentation.note_dropout=0.3",
    "augmentation.wrong_notes=0.2",
    "train.steps=4",
    "train.batch_size=2",
    "train.steps_per_call=2",
    "train.checkpoint_steps=4",
    "train.validation_steps=4",
]


def give(module, *arguments):
    done = run_command(module, *arguments)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def folders(corpus, tmp_path_factory):
    """Records of a corpus with notes, and a run that has learnt from them."""
    folder = tmp_path_factory.mktemp("told")
    words = ["--config=smoke", "--corpus=urmp", f"--root={corpus}", f"--out={folder / 'records'}"]
    give("data_prep.write", *words, *set_flags(SMALL))
    words = ["--config=smoke", f"--records={folder / 'records'}", f"--workdir={folder / 'run'}"]
    give("trainer.task", *words, *set_flags([*SMALL, *TOLD]))
    return folder


def read_table(path):
    """The lines of a table of notes: onset, pitch in Hz, duration."""
    return [tuple(map(float, line.split())) for line in path.read_text().splitlines()]


@pytest.mark.slow
def test_tracks_have_the_notes_of_their_files(corpus, folders):
    records = str(folders / "records")
    manifest = load_manifest(records)
    for track in iter_full_tracks(manifest, records, "test"):
        # Two parts of one instrument may play the same note.
        expected = set()
        for path in sorted((corpus / track.name).glob("Notes_*.txt")):
            slot = manifest.layout.sources.index(path.name.split("_")[2])
            for onset, hz, secs in read_table(path):
                cents = 6900 + round(1200 * np.log2(hz / 440))
                onset, offset = round(onset * RATE), round((onset + secs) * RATE)
                if onset < len(track.mixture):
                    expected.add((onset, offset, cents, slot))
        assert sorted(map(tuple, track.notes)) == sorted(expected)
        part = track.cut(slice(3000, 5000))
        assert (part.notes[:, 1] > 0).all()
        assert (part.notes[:, 0] < 2000).all()
        assert len(part.notes) == sum(on < 5000 and off > 3000 for on, off, _, _ in expected)


@pytest.mark.slow
def test_an_audit_tells_other_notes_and_the_report_shows_it(folders):
    run = folders / "run"
    done = give("evaluation.audit", f"--workdir={run}", "--checkpoint=latest", "--of=notes")
    lines = [line.split()[0] for line in done.stdout.splitlines() if " dB" in line]
    kinds = ["true", "none", "jittered_25", "jittered_50", "jittered_100", "jittered_200"]
    assert lines == [*kinds, "shifted", "another", "octave"]
    give("evaluation.evaluate", f"--workdir={run}", "--checkpoint=latest")
    page = (run / "evaluation" / "4-test" / "report.html").read_text()
    assert "What the notes do" in page
    assert "all of them an octave higher" in page
    described = json.loads((run / "evaluation" / "4-test" / "audit-notes.json").read_text())
    assert len(described["conditions"]) == 9
    refused = run_command("evaluation.audit", f"--workdir={run}", "--of=notes", "--tagger=x")
    assert refused.returncode == 1
    assert "--tagger hears labels; leave it out with --of=notes" in refused.stderr


@pytest.mark.slow
def test_original_files_are_estimated_with_the_notes_beside_them(corpus, folders):
    words = [f"--workdir={folders / 'run'}", "--checkpoint=latest", "--baselines=none"]
    give("evaluation.evaluate", *words, f"--root={corpus}", f"--out={folders / 'originals'}")
    assert (folders / "originals" / "scores.csv").exists()


def write_midi(folder, path):
    """The notes of a piece as a MIDI file, a track for each part."""
    file = mido.MidiFile(ticks_per_beat=500)
    for table in sorted(folder.glob("Notes_*.txt")):
        track = mido.MidiTrack()
        file.tracks.append(track)
        track.append(mido.MetaMessage("track_name", name=table.name.split("_")[2]))
        events = []
        for onset, hz, secs in read_table(table):
            key = 69 + round(12 * np.log2(hz / 440))
            events += [(round(1000 * onset), 64, key), (round(1000 * (onset + secs)), 0, key)]
        before = 0
        for tick, velocity, key in sorted(events):
            track.append(mido.Message("note_on", note=key, velocity=velocity, time=tick - before))
            before = tick
    file.save(path)


@pytest.mark.slow
def test_a_song_is_separated_by_its_midi_file(corpus, folders, tmp_path):
    piece = corpus / "18_RiverB_db_tpt"
    song = tmp_path / "song.wav"
    shutil.copy(next(piece.glob("AuMix_*.wav")), song)
    write_midi(piece, tmp_path / "song.mid")
    words = [f"--workdir={folders / 'run'}", "--checkpoint=latest", song]
    notes = f"--notes={tmp_path / 'song.mid'}"
    done = give("evaluation.separate", *words, notes, f"--out={tmp_path / 'out'}")
    # What has notes plays.
    assert sorted(path.name for path in (tmp_path / "out" / "song").glob("*.wav")) == [
        "db.wav",
        "tpt.wav",
    ]
    stem, rate = soundfile.read(tmp_path / "out" / "song" / "tpt.wav")
    on = np.zeros(len(stem), bool)
    for onset, _, secs in read_table(next(piece.glob("Notes_*_tpt_*.txt"))):
        on[max(0, round((onset - 0.06) * rate)) : round((onset + secs + 0.03) * rate)] = True
    assert on.any()
    assert np.abs(stem[~on]).max(initial=0) < 1e-3 * np.abs(stem[on]).max()
    # Other notes make other stems: these are not there already.
    again = give("evaluation.separate", *words, notes, f"--out={tmp_path / 'out'}")
    assert "there already" in again.stdout
    other = ["--labels=db,tpt", f"--out={tmp_path / 'out'}"]
    refused = run_command("evaluation.separate", *words, *other)
    assert "there already" not in refused.stdout
    assert "warning" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--notes_map=a=vn"], "--notes_map says what is in the file of --notes"),
        (["--notes=no.mid"], "no.mid"),
        (["--notes=song.mid", "--method=hpss"], "not for --method"),
        (["--notes=song.mid", "other.wav"], "--notes are those of one song; got 2 songs"),
        (["--notes=song.mid", "--serve"], "leave out --notes"),
    ],
)
def test_notes_that_make_no_sense_are_refused(folders, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    for name in ("song.wav", "other.wav"):
        soundfile.write(name, np.zeros(800), RATE)
    words = [] if "--method=hpss" in arguments else [f"--workdir={folders / 'run'}"]
    songs = [] if "--serve" in arguments else ["song.wav"]
    refused = run_command("evaluation.separate", *words, *songs, *arguments)
    assert refused.returncode == 1
    assert sentence in refused.stderr
