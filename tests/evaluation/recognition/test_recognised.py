"""A separator that is told what a tagger hears: as if somebody had named it."""

import numpy as np
import pytest
import soundfile

from evaluation.audit import table
from evaluation.recognition.recognised import RecognisedSeparator
from evaluation.recognition.recogniser import Heard, Recogniser
from evaluation.scoring.label_measures import audit_track, summarise
from tests.evaluation.test_audit import FORGETFUL, Obedient, make_track
from tests.support.commands import run_command
from tests.trainer.exports.untrained_run import make_run
from trainer.inference.separator import TrainedSeparator
from trainer.tasks.tagging.tagger import name_tagger

pytestmark = pytest.mark.slow

RATE = 8000


class Truthful:
    """Hears what it was told before."""

    words = "somebody who knows"

    def __init__(self, labels):
        self.labels = labels

    def listen(self, blocks, sample_rate):
        assert sum(len(block) for block in blocks) and sample_rate
        silence = np.zeros((4, 1), np.float32)
        return Heard(self.labels, silence, ("cl", "fl", "vc", "vn"), 0.1, (0.0, 0.0, 0.0, 0.0))

    def identity(self):
        return {"labels": self.labels}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A separator that must be told the instruments, and a tagger of the same ones."""
    folder = tmp_path_factory.mktemp("recognised")
    for name, experiment in (("separator", "smoke"), ("tagger", "smoke_tagger")):
        (folder / name).mkdir()
        make_run(folder / name, [], experiment)
    return folder


def noise(num_frames, channels=1, seed=0):
    shape = (num_frames, channels)
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


@pytest.mark.parametrize("labels", [("fl", "vn"), ("cl", "fl", "vc", "vn"), ()])
def test_the_truth_recognised_is_the_truth_told(runs, labels):
    separator = TrainedSeparator(str(runs / "separator"), "latest")
    recognised = RecognisedSeparator(separator, Truthful(labels))
    mixture = noise(5000)
    told = separator.estimate(mixture, labels)
    np.testing.assert_array_equal(recognised.estimate(mixture, ("cl",)), told)
    at_another_rate = separator.separate(noise(7000, 2), 11025, labels)
    np.testing.assert_array_equal(recognised.separate(noise(7000, 2), 11025, None), at_another_rate)
    # A network that must be told is told.
    with pytest.raises(ValueError, match="told the instruments"):
        separator.label_vector(None)
    recognised.label_vector(None)


def test_the_tagger_of_a_run_says_what_is_above_its_thresholds(runs):
    recogniser = Recogniser(name_tagger(str(runs / "tagger"), "latest").load(), ("fl", "vn"))
    mixture = noise(20_000)
    heard = recogniser.listen([mixture[:9000], mixture[9000:]], RATE)
    assert heard.activity.shape == (4, -(-20_000 // 128))
    assert heard.shares == tuple((row >= 0.5).sum() / row.size for row in heard.activity)
    assert 0 < max(heard.shares) <= 1
    reached = np.sort(heard.activity, axis=1)[:, -16] >= 0.5
    names = [name for name, is_it in zip(heard.sources, reached, strict=True) if is_it]
    assert heard.labels == tuple(name for name in names if name in ("fl", "vn"))
    with pytest.raises(ValueError, match="knows cl, fl, vc, vn and not bn"):
        Recogniser(name_tagger(str(runs / "tagger"), "latest").load(), ("bn", "fl"))


def test_a_song_gets_the_stems_of_what_is_heard(runs, tmp_path):
    song = tmp_path / "song.wav"
    soundfile.write(song, noise(12_000, 2), 22050, subtype="FLOAT")
    command = ["evaluation.separate", str(song), "--checkpoint=latest"]
    of_run = f"--workdir={runs / 'separator'}"
    auto = [of_run, "--labels=auto", f"--tagger={runs / 'tagger'}"]
    done = run_command(*command, *auto, f"--out={tmp_path / 'auto'}")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("song.wav: heard ")]
    words = {"clarinet": "cl", "flute": "fl", "cello": "vc", "violin": "vn"}
    heard = [words[word] for word in line.removeprefix("song.wav: heard ").split(", ")]
    stems = sorted(path.stem for path in (tmp_path / "auto" / "song").glob("*.wav"))
    assert stems == sorted(heard)
    told = [of_run, f"--labels={','.join(heard)}"]
    done = run_command(*command, *told, f"--out={tmp_path / 'told'}")
    assert done.returncode == 0, done.stderr
    for stem in stems:
        ours, theirs = (
            (tmp_path / name / "song" / f"{stem}.wav").read_bytes() for name in ("auto", "told")
        )
        assert ours == theirs
    # Given again, nothing is made.
    done = run_command(*command, *auto, f"--out={tmp_path / 'auto'}")
    assert "there already" in done.stdout


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--labels=auto"], "--labels=auto needs a run that hears which instruments play"),
        (["--labels=auto", "--tagger={separator}"], "is no run that hears instruments"),
        (["--labels=fl", "--tagger={tagger}"], "--tagger goes with --labels=auto"),
        (["--labels=auto", "--tagger={none}"], "config.json"),
    ],
)
def test_what_cannot_listen_is_refused(runs, tmp_path, flags, sentence):
    soundfile.write(tmp_path / "song.wav", noise(900), RATE)
    names = {name: runs / name for name in ("separator", "tagger", "none")}
    given = [flag.format(**names) for flag in flags]
    of_run = f"--workdir={runs / 'separator'}"
    done = run_command("evaluation.separate", of_run, *given, str(tmp_path / "song.wav"))
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_audit_has_a_row_for_what_is_recognised():
    track = make_track(("fl", "vn"))
    found = summarise([audit_track(Obedient(), track, FORGETFUL, Truthful(("fl", "vn")))])
    by_name = {each.labels: each for each in found}
    assert list(by_name)[:3] == ["true", "recognised", "unknown"]
    assert by_name["recognised"].improvement_db == by_name["true"].improvement_db
    assert any(line.startswith("recognised ") for line in table(found))
    without = summarise([audit_track(Obedient(), track, FORGETFUL)])
    assert "recognised" not in [each.labels for each in without]
