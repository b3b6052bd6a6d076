"""A run as a function of waveforms, and the page that shows how it is called."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import configs
from evaluation import load_separator, untrained_separator
from tests.support.commands import run_command, set_flags
from tests.trainer.exports.untrained_run import make_run
from trainer.inference.separator import Separator, UntrainedSeparator
from trainer.networks import make_network

ROOT = Path(__file__).parents[3]
RUN = ROOT / "tests" / "before" / "files" / "run"
PAGE = (ROOT / "docs" / "separating.md").read_text(encoding="utf-8")
# Exported networks have tests of their own.
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.split("## Taking the model")[0], re.DOTALL)


@pytest.fixture(scope="module")
def separator():
    return load_separator(str(RUN), checkpoint="latest")


def noise(*shape):
    return (0.1 * np.random.default_rng(len(shape)).standard_normal(shape)).astype(np.float32)


def test_it_says_what_it_is(separator):
    assert separator.sources == ("hn", "tba", "va")
    assert (separator.sample_rate, separator.channels, separator.step > 0) == (4000, 1, True)


@pytest.mark.parametrize("shape", [(3000,), (3000, 1), (3000, 2), (3000, 6), (1,)])
def test_estimates_have_the_shape_of_the_waveform(separator, shape):
    estimates = separator(noise(*shape), 8000, labels=["hn"])
    assert {name: each.shape for name, each in estimates.items()} == dict.fromkeys(
        separator.sources, shape
    )
    assert {each.dtype for each in estimates.values()} == {np.dtype(np.float32)}


def test_it_gives_what_the_command_writes(separator, tmp_path):
    waveform = noise(9000, 2)
    soundfile.write(tmp_path / "song.wav", waveform, 8000, subtype="FLOAT")
    flags = [f"--workdir={RUN}", "--checkpoint=latest", f"--out={tmp_path}", "--labels=hn,va"]
    done = run_command("evaluation.separate", *flags, str(tmp_path / "song.wav"))
    assert done.returncode == 0, done.stderr
    estimates = separator(waveform, 8000, ["hn", "va"])
    for name in ("hn", "va"):
        stem, _ = soundfile.read(tmp_path / "song" / f"{name}.wav", always_2d=True)
        np.testing.assert_allclose(estimates[name], stem, atol=1e-6)


def test_a_stream_gives_the_same(separator):
    waveform = noise(20000, 2)
    whole = separator(waveform, 8000, ["tba"])
    blocks = list(separator.stream(np.split(waveform, [7, 8000]), 8000, ["tba"]))
    for name, estimate in whole.items():
        np.testing.assert_array_equal(np.concatenate([each[name] for each in blocks]), estimate)


def test_progress_ends_with_the_whole(separator):
    told = []
    separator(noise(20000), 8000, ["va"], progress=lambda *secs: told.append(secs))
    assert told[-1] == (2.5, 2.5)
    assert [secs for secs, _ in told] == sorted(secs for secs, _ in told)


@pytest.mark.parametrize(
    ("waveform", "rate", "labels", "message"),
    [
        (noise(0, 1), 8000, None, r"expected a waveform of the shape \(frames, channels\)"),
        (noise(3, 2, 2), 8000, None, r"got the shape \(3, 2, 2\)"),
        (np.full(9, np.nan), 8000, None, "values that are not finite"),
        (noise(9), 0, None, "expected a sample rate in Hz, above 0; got 0"),
        (noise(9), 8000, ["vn"], "no source is called vn; the legal labels are hn, tba, va"),
    ],
)
def test_what_cannot_be_is_a_sentence(separator, waveform, rate, labels, message):
    with pytest.raises(ValueError, match=message):
        separator(waveform, rate, labels)


def test_a_run_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"there is no .*config\.json"):
        load_separator(str(tmp_path / "none"))


SMALL = [
    "data.sources=hn,vn",
    "model.num_levels=2",
    "model.num_filters=2",
    "model.estimate_frames=101",
]


def test_an_untrained_network_has_the_weights_that_a_training_begins_with():
    separator = untrained_separator("smoke", [*SMALL, "train.seed=1"])
    assert (separator.step, separator.sample_rate, separator.sources) == (0, 22050, ("hn", "vn"))
    config = configs.load("smoke", [*SMALL, "train.seed=1"])
    expected = Separator(config, make_network(config))
    found = separator(noise(900, 1), 22050, ["vn"])
    assert np.abs(found["vn"]).max() > 1e-3
    np.testing.assert_array_equal(
        list(found.values()), expected.separate(noise(900, 1), 22050, ["vn"])
    )
    other = UntrainedSeparator(configs.load("smoke", SMALL))
    assert other.checksum() != expected.checksum()


def test_the_command_separates_with_random_weights_and_says_so(tmp_path):
    soundfile.write(tmp_path / "song.wav", noise(900, 1), 22050, subtype="FLOAT")
    flags = ["--untrained", "--config=smoke", *set_flags(SMALL), "--labels=vn"]
    for out in ("once", "twice"):
        where = [f"--out={tmp_path / out}", str(tmp_path / "song.wav")]
        done = run_command("evaluation.separate", *flags, *where)
        assert done.returncode == 0, done.stderr
    first, _ = done.stdout.splitlines()
    assert first.startswith("smoke, untrained, on the ")
    assert first.endswith(": what follows is what random weights do")
    once, twice = (tmp_path / out / "song" / "vn.wav" for out in ("once", "twice"))
    assert once.read_bytes() == twice.read_bytes()
    noted = json.loads(once.with_name("separated.json").read_text())["stems"]["vn.wav"]
    assert noted["untrained"] is True


OTHER = RUN.with_name("other")


@pytest.mark.slow
def test_several_runs_and_passes_are_averaged(separator, tmp_path):
    waveform = noise(9000, 2)
    soundfile.write(tmp_path / "song.wav", waveform, 8000, subtype="FLOAT")
    flags = [f"--workdir={RUN}", f"--workdir={OTHER}", "--checkpoint=latest", "--labels=hn"]
    flags += [f"--out={tmp_path}", str(tmp_path / "song.wav")]
    done = run_command("evaluation.separate", *flags, "--passes=2")
    assert done.returncode == 0, done.stderr
    assert "the mean of 4 estimates by step 6 of " in done.stdout
    both = load_separator([str(RUN), str(OTHER)], "latest", passes=2)
    found = both(waveform, 8000, ["hn"])["hn"]
    stem, _ = soundfile.read(tmp_path / "song" / "hn.wav", always_2d=True)
    np.testing.assert_allclose(stem, found, atol=1e-6)
    alone = [load_separator(str(each), "latest", passes=2) for each in (RUN, OTHER)]
    expected = np.mean([each(waveform, 8000, ["hn"])["hn"] for each in alone], axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found - separator(waveform, 8000, ["hn"])["hn"]).max() > 1e-3
    # Finished are stems of the same runs and passes alone.
    again = run_command("evaluation.separate", *flags, "--passes=2")
    assert (again.returncode, "song.wav: there already" in again.stdout) == (0, True)
    for others in ([*flags, "--passes=3"], flags, [*flags[1:], "--passes=2"]):
        refused = run_command("evaluation.separate", *others)
        assert refused.returncode == 1
        assert "hn.wav is there already, and is not what this command makes" in refused.stderr


@pytest.mark.parametrize(
    ("workdirs", "passes", "message"),
    [
        ([RUN, RUN], 1, "is named twice"),
        ([], 1, "expected the folder of a run; got none"),
        ([RUN, OTHER], 5, "expected from 1 to 4 passes of this network; got 5"),
        ([RUN], 0, "expected from 1 to 8 passes of this network; got 0"),
        (
            [RUN, "changed"],
            1,
            r"differ in sources \(hn, tba, va / hn, va, tba\), sample_rate \(4000 / ",
        ),
    ],
)
def test_runs_that_cannot_be_averaged_are_a_sentence(tmp_path, workdirs, passes, message):
    shutil.copytree(RUN, tmp_path / "changed")
    config = json.loads((RUN / "config.json").read_text())
    config["data"]["sources"] = ["hn", "va", "tba"]
    config["audio"]["sample_rate"] = 8000
    (tmp_path / "changed" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=message):
        load_separator([str(tmp_path / each) for each in workdirs], passes=passes)


def test_an_experiment_that_is_not_there_is_a_sentence():
    with pytest.raises(ValueError, match="no experiment is called 'none'"):
        untrained_separator("none")


def test_nothing_slow_is_imported_before_a_run_is_loaded():
    show = (
        "import sys, evaluation; print({'tensorflow', 'keras', 'scipy', 'av'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_of_the_page_run(tmp_path, monkeypatch, number):
    """On a small run, whose instruments are others."""
    shutil.copytree(RUN, tmp_path / "runs" / "smoke")
    soundfile.write(tmp_path / "song.wav", noise(9000, 2), 8000)
    monkeypatch.chdir(tmp_path)
    exec(EXAMPLES[number].replace('"vn"', '"hn"').replace('"vc"', '"va"'), {})
    written = {path.name: soundfile.info(path).frames for path in tmp_path.glob("*.wav")}
    assert written == {"song.wav": 9000, **dict.fromkeys(written, 9000)}


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    """A run that hears a horn and a viola in everything, as its validation chose thresholds so."""
    workdir = tmp_path_factory.mktemp("tagger")
    make_run(workdir, ["data.sources=hn,tba,va"], "smoke_tagger")
    chosen = {"threshold/hn": 0.0, "threshold/tba": 1.1, "threshold/va": 0.0}
    line = json.dumps({"step": 5, "kind": "valid", **chosen})
    (workdir / "metrics.jsonl").write_text(f"{line}\n", encoding="utf-8")
    return str(workdir)


@pytest.mark.slow
def test_with_a_tagger_labels_that_nobody_names_are_heard(separator, tagger):
    waveform = noise(9000, 2)
    listening = load_separator(str(RUN), checkpoint="latest", tagger=tagger)
    assert listening.listen(waveform, 8000) == ("hn", "va")
    assert listening.listen(waveform[:, 0], 8000) == ("hn", "va")
    of_heard = separator(waveform, 8000, ["hn", "va"])
    of_tuba = separator(waveform, 8000, ["tba"])
    assert np.abs(of_heard["hn"] - of_tuba["hn"]).max() > 1e-3
    for labels, expected in ((None, of_heard), ("auto", of_heard), (["tba"], of_tuba)):
        found = listening(waveform, 8000, labels)
        for name in listening.sources:
            np.testing.assert_array_equal(found[name], expected[name])
    # A stream cannot be heard as a whole first.
    for labels in (None, "auto"):
        with pytest.raises(ValueError, match="a tagger hears a waveform as a whole first; name"):
            next(listening.stream([waveform], 8000, labels))
    blocks = [block["tba"] for block in listening.stream([waveform], 8000, ["tba"])]
    np.testing.assert_array_equal(np.concatenate(blocks), of_tuba["tba"])
    with pytest.raises(ValueError, match=r"expected a waveform .* got the shape \(0, 1\)"):
        listening(noise(0), 8000)


def test_without_a_tagger_that_knows_the_sources_nobody_listens(separator, tmp_path):
    message = r"labels='auto' needs a run that hears which instruments play; .*tagger=RUN"
    with pytest.raises(ValueError, match=message):
        separator(noise(900), 8000, "auto")
    with pytest.raises(ValueError, match=message):
        separator.listen(noise(900), 8000)
    with pytest.raises(ValueError, match=r"there is no .*config\.json"):
        load_separator(str(RUN), "latest", tagger=str(tmp_path))
    with pytest.raises(ValueError, match="is no run that hears instruments"):
        load_separator(str(RUN), "latest", tagger=str(RUN))
    make_run(tmp_path, [], "smoke_tagger")
    with pytest.raises(ValueError, match="knows cl, fl, vc, vn and not hn, tba, va"):
        load_separator(str(RUN), "latest", tagger=str(tmp_path))
