"""The whole pipeline on a tiny config, and what its last commands do with good and bad input."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import configs
from data_prep import write
from data_prep.audio import activity
from data_prep.audio.decoding import decode as decode_file
from data_prep.audio.loading import load_track
from data_prep.audio.tracks import AudioFormat, TrackFiles
from data_prep.audio.waveforms import fit_frames
from data_prep.records.full_tracks import iter_full_tracks
from data_prep.records.manifest import load_manifest
from data_prep.storage.lock import Hold
from data_prep.synthetic import write_musdb, write_urmp
from evaluation.classical.dictionaries import FILE_NAME
from evaluation.classical.names import BLIND_NMF, NMF
from evaluation.estimates.estimated_system import open_estimated_system
from evaluation.estimates.from_originals import iter_original_estimates
from evaluation.estimates.named_checkpoint import NamedCheckpoint
from evaluation.estimates.oracles import ORACLES
from evaluation.listening.archive import read_clips
from evaluation.listening.clips import UNTRAINED, Choice
from evaluation.listening.recorder import make_reader, record_run
from evaluation.listening.sounds import decode
from evaluation.scores.aggregates import segment_key
from evaluation.scores.improvement import improvement
from evaluation.scores.table import BASELINES, CONSTANT_GAIN, SCHEMA_VERSION, read_csv
from evaluation.scoring.audits import audit
from evaluation.songs.batch import Destination, separate_songs
from evaluation.songs.choice import parse_stems
from evaluation.songs.stems import Wanted
from evaluation.tasks.pipeline import evaluate
from tests.support import replicas
from tests.support.commands import run_command
from trainer.devices.found import find_devices
from trainer.inference.average import average_of
from trainer.inference.separator import TrainedSeparator, UntrainedSeparator
from trainer.loop.train import train
from trainer.loop.workdir import load_run, open_run
from trainer.tasks.separation.task import SeparationTask

pytestmark = pytest.mark.slow

OVERRIDES = [
    *replicas.OVERRIDES,
    # Of the three computations the one with the fewest operations to compile.
    "model.computation=plain",
    "train.steps=120",
    "train.learning_rate=3e-3",
    "evaluation.filter_taps=32",
]


def train_run(config, records, workdir):
    manifest = load_manifest(str(records))
    task = SeparationTask(config, manifest, str(records))
    open_run(str(workdir), config, str(records), manifest)
    assert train(task, config.train, str(workdir), find_devices(), Hold())


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    write_urmp(root, num_pieces=18, secs=3.0, seed=3)
    return root


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, corpus):
    root, records, workdir = corpus, *(tmp_path_factory.mktemp(name) for name in ("records", "run"))
    config = configs.load("smoke", OVERRIDES)
    write.write(config, "urmp", root, records)
    train_run(config, records, workdir)
    return workdir


@pytest.fixture(scope="module")
def scored(workdir, tmp_path_factory):
    """Scores with all baselines: where they were written, and a copy that no test writes over."""
    out = Path(evaluate(NamedCheckpoint(str(workdir), "", "test", "latest", [])))
    return out, shutil.copytree(out, tmp_path_factory.mktemp("scored") / "copy")


def test_scores_and_report(workdir, scored):
    where, out = scored
    assert where == workdir / "evaluation" / "120-test"
    rows = read_csv(out / "scores.csv")
    assert {row.system for row in rows} == {"model", *BASELINES, *ORACLES}
    assert len(rows) == 7 * 3 * 3 * 13  # systems, tracks, segments, slots
    gated = [
        row for row in rows if row.system == "model" and row.source not in row.track.split("_")
    ]
    assert {(row.status, row.leakage) for row in gated} == {("absent", -100.0)}
    gain = improvement(rows)[0].median_db
    assert gain > 1  # it has learnt something in seconds
    assert all(improvement(rows, oracle)[0].median_db > gain + 5 for oracle in ORACLES)
    described = json.loads((out / "scores.json").read_text())
    assert (described["schema_version"], described["evaluation"]["silent_dbfs"]) == (
        SCHEMA_VERSION,
        -80.0,
    )
    assert (described["sample_rate"], described["channels"], described["step"]) == (8000, 1, 120)
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "not a result" not in report.lower()
    assert "What the labels do" not in report
    assert report.count("<audio") == 3 * len(read_clips(out / "clips.zip")) > 0
    assert "How it learnt" in report


def test_filtered_estimates_are_scored_in_a_folder_of_their_own(workdir, scored):
    _, plain = scored
    named = NamedCheckpoint(str(workdir), "", "test", "latest", [])
    out = Path(evaluate(named, baselines="none", wiener=1))
    assert out == workdir / "evaluation" / "120-test-wiener-1"
    described = json.loads((out / "scores.json").read_text())
    assert described["title"].endswith(", Wiener filter")
    assert "--wiener=1" in described["command"]
    snrs = {}
    for folder in (plain, out):
        rows = read_csv(folder / "scores.csv")
        for system in ("model", "mixture"):
            snrs[folder, system] = [row.snr for row in rows if row.system == system]
    assert snrs[plain, "mixture"] == snrs[out, "mixture"]
    assert snrs[plain, "model"] != snrs[out, "model"]


def test_the_constant_gain_is_learnt_from_the_training_tracks(workdir, scored):
    out = scored[1]
    manifest = load_run(str(workdir)).manifest
    records = load_run(str(workdir)).records
    described = json.loads((out / "scores.json").read_text())
    kept = json.loads((workdir / "evaluation" / "constant_gain.json").read_text())
    assert described["gains"] == kept["gains"]
    tracks = list(iter_full_tracks(manifest, records, "train"))
    sources = manifest.layout.sources
    for k, source in enumerate(sources):
        own = [track for track in tracks if source in track.labels]
        product = sum(np.vdot(track.references[k], track.mixture) for track in own)
        energy = sum(np.vdot(track.mixture, track.mixture) for track in own)
        assert kept["gains"][source] == pytest.approx(product / energy, rel=1e-4)
    rows = [row for row in read_csv(out / "scores.csv") if row.system == CONSTANT_GAIN]
    tests = {track.name: track for track in iter_full_tracks(manifest, records, "test")}
    for row in rows:
        track = tests[row.track]
        part = slice(round(row.start_secs * 8000), round((row.start_secs + 1) * 8000))
        if row.source not in track.labels:
            assert row.leakage == -100
        elif row.status == "scored":
            reference = track.references[sources.index(row.source), part]
            expected = activity.snr(reference, kept["gains"][row.source] * track.mixture[part])
            assert row.snr == pytest.approx(float(expected), abs=1e-3)
    report = (out / "report.md").read_text(encoding="utf-8")
    assert "learnt from the training split, lies at" in report
    assert "over the 13 tracks of the training split, at 8,000 Hz. It is bassoon 0" in report


def test_what_is_heard_is_what_was_scored(workdir, scored):
    """At a border, in the middle, and in stretches that begin at no multiple of the network's
    stride.
    """
    subject = open_estimated_system(NamedCheckpoint(str(workdir), "", "test", "latest", []))
    read, settings = make_reader(subject), subject.config.evaluation
    for track in iter_full_tracks(subject.manifest, subject.folder, subject.split):
        whole = subject.separator.estimate(track.mixture, track.labels)
        for start_secs, stop_secs in ((0, 0.5), (0.7123, 1.9), (2.5, 9.0)):
            part = slice(round(start_secs * 8000), round(stop_secs * 8000))
            for slot in (0, subject.config.data.sources.index(track.labels[0])):
                found = read(
                    Choice(
                        "best", track.name, subject.config.data.sources[slot], start_secs, stop_secs
                    )
                )
                np.testing.assert_array_equal(found.mixture, track.mixture[part])
                np.testing.assert_array_equal(found.reference, track.references[slot, part])
                np.testing.assert_allclose(found.estimate, whole[slot, part], atol=1e-6)
    rows = read_csv(scored[1] / "scores.csv")
    for recording in record_run(subject, rows):
        choice = recording.choice
        if choice.segment_secs is None:
            continue
        part = slice(*(round((secs - choice.start_secs) * 8000) for secs in choice.segment_secs))
        reference, estimate = (
            decode(recording.sounds[take])[0][part] for take in ("reference", "estimate")
        )
        (row,) = (
            row
            for row in rows
            if (row.system, *segment_key(row))
            == ("model", choice.track, choice.segment_secs[0], choice.source)
        )
        assert activity.snr(reference, estimate) == pytest.approx(row.snr, abs=0.01)  # 16 bits
    assert settings.segment_secs == 1


def test_what_the_network_did_before_its_training_is_recorded_of_the_common_passage(scored):
    """As it does it to the whole track, and under the weights that the seed gives."""
    subject = open_estimated_system(
        NamedCheckpoint(str(scored[0].parents[1]), "", "test", "latest", [])
    )
    recordings = {recording.choice: recording for recording in read_clips(scored[1] / "clips.zip")}
    common = [choice for choice in recordings if choice.why == "common"]
    assert len(common) > 1
    for choice, recording in recordings.items():
        assert (UNTRAINED in recording.sounds) == (choice in common)
    untrained = UntrainedSeparator(subject.config)
    tracks = iter_full_tracks(subject.manifest, subject.folder, subject.split)
    track = next(track for track in tracks if track.name == common[0].track)
    whole = untrained.estimate(track.mixture, track.labels)
    for choice in common:
        part = slice(*choice.frames(8000, len(track.mixture)))
        expected = whole[subject.config.data.sources.index(choice.source), part]
        sound = recordings[choice].sounds[UNTRAINED]
        # 16 bits of what was made louder.
        atol = 2**-15 * 10 ** (-sound.gain_db / 20)
        np.testing.assert_allclose(decode(sound)[0], expected, atol=atol)
        estimate, _ = decode(recordings[choice].sounds["estimate"])
        assert np.abs(estimate - expected).max() > 100 * atol
    # Amid the track, from no multiple of the network's stride on.
    amid = Choice("common", track.name, track.labels[0], 0.7123, 1.9)
    slot = subject.config.data.sources.index(amid.source)
    found = make_reader(subject)(amid)
    expected = whole[slot, round(0.7123 * 8000) : round(1.9 * 8000)]
    np.testing.assert_allclose(found.untrained, expected, atol=1e-6)


def test_weights_that_nobody_trained_here_have_no_before(scored):
    subject = open_estimated_system(
        NamedCheckpoint(str(scored[0].parents[1]), "", "test", "latest", [])
    )
    assert average_of([*subject.networks, *subject.networks]).before_training() is None
    subject.separator.step = 0
    passage = Choice("common", subject.manifest.tracks("test")[0].name, "vn", 0.0, 0.5)
    assert make_reader(subject)(passage).untrained is None


def evaluate_alone(workdir, *overrides, split="test", out="", **options):
    """Scores the network of a run without oracles."""
    options["baselines"] = "none"
    named = NamedCheckpoint(str(workdir), "", split, "latest", list(overrides), out=str(out))
    return evaluate(named, **options)


def test_methods_without_a_network_are_scored_and_what_they_learnt_is_kept(workdir, tmp_path):
    named = NamedCheckpoint(str(workdir), "", "test", "latest", [], out=str(tmp_path))
    rows = read_csv(Path(evaluate(named, baselines="classical")) / "scores.csv")
    assert {row.system for row in rows} == {"model", *BASELINES, NMF, BLIND_NMF, *ORACLES}
    for row in rows:
        # Told what plays, they give nothing to the others.
        if row.system in (NMF, BLIND_NMF) and row.source not in row.track.split("_"):
            assert row.leakage == -100.0
    gains = {name: improvement(rows, name)[0].median_db for name in (CONSTANT_GAIN, NMF)}
    assert gains[NMF] > gains[CONSTANT_GAIN]
    described = json.loads((tmp_path / "scores.json").read_text())
    assert "--baselines=classical" in described["command"]
    assert (Path(load_run(str(workdir)).records) / FILE_NAME).is_file()


def test_an_audit_shows_in_the_report_of_the_same_subject(workdir):
    evaluate_alone(workdir, "evaluation.segment_secs=3", audit=True)
    out = workdir / "evaluation" / "120-test"
    assert "What the labels do" in (out / "report.html").read_text(encoding="utf-8")
    rows = read_csv(out / "scores.csv")
    assert {row.system for row in rows} == {"model", *BASELINES}
    flags = ["--checkpoint=latest", "--set=evaluation.segment_secs=3"]
    result = run_command("evaluation.audit", f"--workdir={workdir}", *flags)
    assert result.returncode == 0, result.stderr
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "not measured: the network was never trained without labels" in lines["unknown"]
    described = json.loads((out / "audit.json").read_text())
    by_labels = {each["labels"]: each for each in described["conditions"]}
    assert by_labels["true"]["improvement_db"] == pytest.approx(
        improvement(rows)[0].median_db, abs=1e-6
    )
    assert by_labels["true"]["improvement_db"] > by_labels["swapped"]["improvement_db"]
    assert by_labels["empty"]["leakage_db"] == -100
    evaluate_alone(workdir, "evaluation.segment_secs=2")
    assert "What the labels do" not in (out / "report.html").read_text(encoding="utf-8")
    (out / "audit.json").write_text("{}")
    with pytest.raises(ValueError, match=r"audit\.json is not what evaluation\.audit writes"):
        evaluate_alone(workdir, "evaluation.segment_secs=2")
    (out / "audit.json").unlink()


def test_an_audit_is_continued_track_by_track(workdir, monkeypatch, capsys):
    subject = open_estimated_system(
        NamedCheckpoint(str(workdir), "", "test", "latest", ["evaluation.segment_secs=1.5"])
    )
    expected = audit(subject)
    out = workdir / "evaluation" / "120-test"
    (out / "audit.json").unlink()
    estimate, calls = subject.separator.estimate, []

    def interrupted(mixture, labels):
        calls.append(labels)
        if len(calls) > 6:  # four conditions of a track
            raise KeyboardInterrupt
        return estimate(mixture, labels)

    monkeypatch.setattr(subject.separator, "estimate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        audit(subject)
    assert len(list(out.glob("audit-part-*"))) == 1
    monkeypatch.setattr(subject.separator, "estimate", estimate)
    capsys.readouterr()
    assert audit(subject) == expected
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["2/3", "3/3"]
    assert not list(out.glob("audit-part-*"))
    assert audit(subject) == expected
    assert capsys.readouterr().out == ""
    (out / "audit.json").unlink()


def test_scores_at_the_rate_of_the_original_files(workdir, corpus, scored):
    """What is estimated at 8 kHz is scored at 48 kHz."""
    out = Path(evaluate_alone(workdir, root=str(corpus)))
    assert out == workdir / "evaluation" / "120-test-original"
    described = json.loads((out / "scores.json").read_text())
    assert (described["sample_rate"], described["channels"]) == (48000, 1)
    kept = json.loads((workdir / "evaluation" / "constant_gain.json").read_text())
    assert described["gains"] == kept["gains"]
    report = (out / "report.md").read_text(encoding="utf-8")
    assert "scaled by the same, as a gain does not depend on the rate" in report
    rows = read_csv(out / "scores.csv")
    low = read_csv(scored[1] / "scores.csv")
    model = {
        (row.track, row.start_secs, row.source): row.snr for row in rows if row.system == "model"
    }
    others = {
        (row.track, row.start_secs, row.source): row.snr for row in low if row.system == "model"
    }
    assert model.keys() == others.keys()
    pairs = [
        (model[place], others[place])
        for place in model
        if None not in (model[place], others[place])
    ]
    assert len(pairs) > 10
    assert (
        np.median([abs(one - other) for one, other in pairs]) < 1.5
    )  # tones lie below 4 kHz for the most part
    with pytest.raises(ValueError, match=r"has no URMP pieces|no track"):
        evaluate_alone(workdir, root=str(workdir))


def test_originals_are_stored_as_they_would_be_loaded(workdir, tmp_path):
    """Part by part: two of one instrument, one too short, no mixture."""
    rng = np.random.default_rng(5)
    parts = [("cl", 3000), ("vn", 2500), ("cl", 2800)]
    paths = [(name, tmp_path / f"{number}.wav") for number, (name, _) in enumerate(parts)]
    for (_, path), (_, frames) in zip(paths, parts, strict=True):
        soundfile.write(path, 0.1 * rng.standard_normal((frames, 2)), 11025, subtype="FLOAT")
    subject = open_estimated_system(NamedCheckpoint(str(workdir), "", "test", "latest", []))
    files = TrackFiles("Piece", None, None, tuple(paths))
    for mixture in (None, tmp_path / "mix.wav"):
        if mixture:
            soundfile.write(mixture, 0.1 * rng.standard_normal((2900, 2)), 11025, subtype="FLOAT")
        files = replace(files, mixture=mixture)
        audio_format = AudioFormat(11025, 2)
        (stored,) = iter_original_estimates(subject, {"Piece": files}, audio_format, (), tmp_path)
        loaded = load_track(files)
        frames = 0, stored.num_frames
        assert (stored.sample_rate, stored.channels, stored.num_frames) == (
            11025,
            2,
            len(loaded.mixture),
        )
        references = stored.read_references(*frames)
        np.testing.assert_allclose(
            stored.read_mixture(*frames, references), loaded.mixture, atol=1e-7
        )
        for k, source in enumerate(stored.vocabulary):
            expected = fit_frames(loaded.sources.get(source, loaded.mixture[:0]), stored.num_frames)
            np.testing.assert_array_equal(references[k], expected)
        expected = subject.separator.separate(loaded.mixture, 11025, ["cl", "vn"])
        np.testing.assert_allclose(stored.read_estimates(*frames)["model"], expected, atol=1e-6)
    nameless = replace(files, sources=(*files.sources, ("zither", paths[0][1])))
    with pytest.raises(ValueError, match="has the source zither; the network knows"):
        list(iter_original_estimates(subject, {"Piece": nameless}, audio_format, (), tmp_path))
    other = AudioFormat(48000, 2)
    with pytest.raises(ValueError, match="expected 48000 Hz and 2 channels as in the first track"):
        list(iter_original_estimates(subject, {"Piece": files}, other, (), tmp_path))


def test_a_report_on_training_tracks_is_no_result(workdir, tmp_path):
    """Written outside the run, as of one that may only be read."""
    before = sorted(workdir.rglob("*"))
    out = Path(evaluate_alone(workdir, "evaluation.segment_secs=3", split="train", out=tmp_path))
    assert out == tmp_path
    assert sorted(workdir.rglob("*")) == before
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "trained on 13 of the tracks scored here" in report
    assert {row.start_secs for row in read_csv(out / "scores.csv")} == {0.0}


def test_what_evaluation_refuses(workdir, tmp_path):
    with pytest.raises(ValueError, match=r"only evaluation\.\* can change here"):
        evaluate(NamedCheckpoint(str(workdir), "", "test", "latest", ["train.steps=3"]))
    with pytest.raises(ValueError, match="no checkpoint '7'"):
        evaluate(NamedCheckpoint(str(workdir), "", "test", "7", []))
    with pytest.raises(
        ValueError, match=r"there is no .*config\.json: trainer.task has not started there"
    ):
        evaluate(NamedCheckpoint(str(tmp_path), "", "test", "latest", []))
    with pytest.raises(ValueError, match=r"there is no manifest\.json"):
        evaluate(NamedCheckpoint(str(workdir), str(tmp_path), "test", "latest", []))


@pytest.fixture(scope="module")
def separator(workdir):
    return TrainedSeparator(str(workdir))


def separate_song(separator, path, labels, out):
    stems = parse_stems(None, labels, separator.config.data.sources)
    return separate_songs(separator, [path], Wanted(labels, stems), Destination(str(out)))


@pytest.mark.parametrize(
    ("rate", "channels", "num_frames"),
    [(8000, 1, 5000), (44100, 2, 30001), (22050, 1, 1), (11025, 2, 777)],
)
def test_estimates_have_the_form_of_their_file(separator, tmp_path, rate, channels, num_frames):
    waveform = 0.1 * np.random.default_rng(0).standard_normal((num_frames, channels)).astype(
        np.float32
    )
    soundfile.write(tmp_path / "song.wav", waveform, rate, subtype="FLOAT")
    written = separate_song(separator, tmp_path / "song.wav", ["vn", "vc"], tmp_path / "out")
    assert written == [str(tmp_path / "out" / "song" / f"{source}.wav") for source in ("vc", "vn")]
    for path in written:
        estimate, estimate_rate = soundfile.read(path, always_2d=True)
        assert (estimate.shape, estimate_rate) == ((num_frames, channels), rate)
        assert np.isfinite(estimate).all()


def test_separating_a_file_at_the_records_rate_is_estimating_it(separator):
    waveform = 0.1 * np.random.default_rng(1).standard_normal((6000, 2)).astype(np.float32)
    estimates = separator.separate(waveform, 8000, ["vn"])
    for channel in range(2):
        expected = separator.estimate(waveform[:, [channel]], ["vn"])
        np.testing.assert_allclose(estimates[:, :, [channel]], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "FLOAT"), ("flac", "PCM_16")],
)
def test_audio_is_read_as_it_is(tmp_path, suffix, subtype):
    waveform = (0.9 * np.random.default_rng(0).uniform(-1, 1, (4000, 2))).astype(np.float32)
    soundfile.write(tmp_path / f"a.{suffix}", waveform, 48000, subtype=subtype)
    read, rate, warnings = decode_file(tmp_path / f"a.{suffix}")
    assert warnings == []
    expected, _ = soundfile.read(tmp_path / f"a.{suffix}", dtype="float32", always_2d=True)
    assert rate == 48000
    np.testing.assert_allclose(read, expected, atol=1e-7)


def separate(workdir, *arguments):
    return run_command("evaluation.separate", f"--workdir={workdir}", *arguments)


def test_bad_input_is_one_sentence_and_leaves_nothing(workdir, separator, tmp_path):
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "words.srt").write_text(
        "1\n00:00:00,000 --> 00:00:02,000\nno sound, though it is a stream\n"
    )
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 8000)
    soundfile.write(tmp_path / "song.wav", np.zeros((800, 1)), 8000)
    soundfile.write(tmp_path / "nan.wav", np.full((800, 1), np.nan), 8000, subtype="FLOAT")
    out = tmp_path / "out"
    for name, labels, message in [
        (
            "text.wav",
            ["vn"],
            r"text.wav is no sound file that can be decoded \(Invalid data found .*\); expected wav,",
        ),
        (
            "words.srt",
            ["vn"],
            r"words.srt is no sound file that can be decoded \(it is of another kind\)",
        ),
        ("empty.wav", ["vn"], "is no sound file"),
        ("none.wav", ["vn"], "holds no audio"),
        ("missing.wav", ["vn"], "there is no file"),
        ("nan.wav", ["vn"], "not finite"),
        (
            "song.wav",
            ["vn", "zither"],
            "no source is called zither; the legal labels are bn, cl, db",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            separate_song(separator, tmp_path / name, labels, out)
        assert not out.exists()
    result = separate(workdir, str(tmp_path / "song.wav"))
    assert result.returncode == 1
    assert result.stderr.startswith("error: --labels: this network is told the instruments")
    assert len(result.stderr.splitlines()) == 1


def test_the_command_separates(workdir, tmp_path):
    soundfile.write(tmp_path / "song.wav", 0.1 * np.ones((800, 1)), 8000)
    result = separate(
        workdir, str(tmp_path / "song.wav"), "--labels=vn, vc", f"--out={tmp_path / 'out'}"
    )
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "out" / "song").iterdir()) == [
        "separated.json",
        "vc.wav",
        "vn.wav",
    ]


def test_a_stereo_network_on_four_sources(tmp_path):
    root, records, workdir = tmp_path / "corpus", tmp_path / "records", tmp_path / "run"
    overrides = [
        *replicas.OVERRIDES,
        "audio.channels=2",
        "train.steps=2",
        "evaluation.filter_taps=32",
    ]
    config = configs.load("smoke_musdb", overrides)
    write_musdb(root, num_pieces=4, secs=2.0, seed=1)
    write.write(config, "musdb", root, records)
    train_run(config, records, workdir)
    out = Path(evaluate(NamedCheckpoint(str(workdir), "", "test", "latest", [])))
    assert {row.source for row in read_csv(out / "scores.csv")} == {
        "drums",
        "bass",
        "other",
        "vocals",
    }
    separator = TrainedSeparator(str(workdir))
    mono = 0.1 * np.random.default_rng(0).standard_normal((4000, 1)).astype(np.float32)
    assert separator.separate(mono, 8000, config.data.sources).shape == (4, 4000, 1)
    written = separate_song(
        separator, root / "test" / "Artist 03 - Meadow" / "mixture.wav", None, tmp_path / "out"
    )
    assert [Path(path).stem for path in written] == ["drums", "bass", "other", "vocals"]
    surround = np.zeros((4000, 3), np.float32)
    assert separator.separate(surround, 8000, config.data.sources).shape == (4, 4000, 3)
    assert json.loads((workdir / "config.json").read_text())["audio"]["channels"] == 2
