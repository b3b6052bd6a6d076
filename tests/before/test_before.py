"""Prove that files of the code before its folders were rearranged are read as they were then.

Only commands and files take part: the commands run in this process, as starting TensorFlow costs
seconds. README.md beside this file says what the files are; all flags are as they were then, the
old names of config fields included.
"""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from tests.support.commands import run_command, set_flags

FILES = Path(__file__).parent / "files"
EXPECTED = json.loads((FILES / "expected.json").read_text(encoding="utf-8"))
LABELS = f"--labels={EXPECTED['labels']}"


@pytest.fixture(scope="module")
def arrays():
    """Return what the old code computed: name -> array."""
    computed = {}
    for name in ("expected.npz", "carrying.npz"):
        with np.load(FILES / name) as file:
            computed.update(file)
    return computed


@pytest.fixture
def files(tmp_path):
    """Copy all files to where they may be changed."""
    target = tmp_path / "files"
    shutil.copytree(FILES, target)
    return target


def run(module, *arguments):
    """Run a command, which must succeed."""
    result = run_command(module, *arguments)
    assert result.returncode == 0, result.stderr


def train(files, *more):
    """Give the command of the old run again."""
    arguments = ["--config=smoke", f"--records={files / 'records'}", f"--workdir={files / 'run'}"]
    run("trainer.task", *arguments, *set_flags(EXPECTED["run"]), *more)


def read_all(folder):
    """Return the bytes of all files below a folder, by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_old_records_are_as_they_were_written(files):
    """Verify all records; then write them again, which finds them finished and as asked for."""
    records = files / "records"
    corpus = files / "corpus"
    before = read_all(records)
    run("data_prep.verify", f"--records={records}", "--workers=1")
    for piece, names in EXPECTED["pieces"].items():
        (corpus / piece).mkdir(parents=True)
        for name in names:
            (corpus / piece / name).touch()  # of finished records the corpus is only listed
    arguments = ["--config=smoke", "--corpus=urmp", f"--root={corpus}", f"--out={records}"]
    run("data_prep.write", *arguments, *set_flags(EXPECTED["records"]))
    assert read_all(records) == before


@pytest.mark.slow
def test_an_old_run_continues_as_it_would_have(files, arrays):
    """Compare the losses, validations and weights of further steps."""
    metrics = files / "run" / "metrics.jsonl"
    before = metrics.read_text(encoding="utf-8").splitlines()
    train(files, f"--set=train.steps={EXPECTED['last_step']}", "--set=train.remix=0.4")
    after = metrics.read_text(encoding="utf-8").splitlines()
    assert after[: len(before)] == before  # timings included: it did not begin anew
    found = [json.loads(line) for line in after]
    for line, expected in zip(found, EXPECTED["metrics"], strict=True):
        compare_metrics(line, expected)
    newest = tf.train.latest_checkpoint(str(files / "run" / "checkpoints"))
    assert newest.endswith(f"-{EXPECTED['last_step']}")
    weights = {name: array for name, array in arrays.items() if name.startswith("weights/")}
    assert len(weights) > 20
    reader = tf.train.load_checkpoint(newest)
    for name, expected in weights.items():
        found = reader.get_tensor(name.removeprefix("weights/"))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=name)


def compare_metrics(line, expected):
    """Compare a line of metrics.jsonl with that of the old code, which has no timings."""
    assert line["kind"] == expected["kind"]
    assert set(line) - set(expected) <= {"examples_per_second", "input_wait"}
    for name in set(expected) - {"kind"}:
        is_level = name.endswith("improvement")
        tolerance = {"abs": 1e-4} if is_level else {"rel": 1e-5}
        assert line[name] == pytest.approx(expected[name], **tolerance), (name, line, expected)


def test_a_finished_old_run_is_done(files):
    """Give the old command as it was: nothing is left to train, and no field differs."""
    before = read_all(files / "run" / "checkpoints")
    train(files)
    assert read_all(files / "run" / "checkpoints") == before


def read_scores(folder):
    """Read the rows of a folder of scores."""
    with (folder / "scores.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def is_number(text):
    """Say whether a cell of a table holds a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def compare_cell(found, expected, where):
    """Compare a cell of a table with that of the old code."""
    if is_number(expected):
        assert float(found) == pytest.approx(float(expected), abs=1e-4), where
    else:
        assert found == expected, where


@pytest.mark.slow
def test_an_old_run_gets_the_scores_that_it_got(files):
    """Score the old checkpoint anew; compare old and new scores, also by the command for that."""
    made = files / "run" / "evaluation" / "6-test"
    old = files / "old_scores"
    shutil.copytree(made, old)
    (made / "scores.csv").unlink()  # else the code that made them finds them finished
    moved = [f"--workdir={files / 'run'}", f"--records={files / 'records'}"]
    more = ["--checkpoint=latest", "--processes=1", *set_flags(EXPECTED["evaluation"])]
    run("evaluation.evaluate", *moved, *more)
    expected_rows = read_scores(old)
    assert len(expected_rows) > 100
    rows = read_scores(made)
    # The code that made them knew no constant gain.
    assert {row["system"] for row in expected_rows} < {row["system"] for row in rows}
    rows = [row for row in rows if row["system"] != "constant gain"]
    for row, expected in zip(rows, expected_rows, strict=True):
        # These columns came later.
        later = {"bins", "bins_majority", "si_sar"}
        assert later < set(row)
        assert [name for name in row if name not in later] == list(expected)
        for name, value in expected.items():
            compare_cell(row[name], value, (name, row, expected))
    compare_by_command(old, made, files / "compared.json")


def compare_by_command(old, made, out):
    """Read old scores beside new ones: neither is higher, and they were made in the same way."""
    run("evaluation.compare", old, made, f"--out={out}", "--metric=snr")
    compared = json.loads(out.read_text(encoding="utf-8"))
    assert compared["tracks"] == ["18_RiverB_hn_hn_va"]
    assert not any(compared["left_out"].values())
    assert not any(compared["unpaired"].values())
    assert len(compared["differences"]) >= 2
    for difference in compared["differences"]:
        assert difference["median_db"] == pytest.approx(0, abs=1e-4)
    texts = [(folder / "scores.json").read_text(encoding="utf-8") for folder in (old, made)]
    before = json.loads(texts[0])
    after = json.loads(texts[1])
    for name in ("title", "step", "split", "sample_rate", "channels", "labels"):
        assert after[name] == before[name]
    assert after["evaluation"] == before["evaluation"]


@pytest.mark.parametrize(
    ("kind", "workdir", "arguments"),
    [
        ("unlabelled", "run", ["--checkpoint=latest"]),
        ("raw", "run", ["--checkpoint=best", "--weights=raw", LABELS]),
        ("other", "other", [LABELS]),
        ("carrying", "carrying", [LABELS]),
    ],
)
def test_old_networks_separate_as_they_did(files, arrays, kind, workdir, arguments):
    """Compare the stems of a song, at another rate and number of channels than the network's."""
    out = files / "stems"
    where = [f"--workdir={files / workdir}", f"--out={out}", files / "song.wav"]
    run("evaluation.separate", *where, *arguments)
    expected = {name: array for name, array in arrays.items() if name.startswith(f"{kind}/")}
    assert {f"{kind}/{path.stem}" for path in (out / "song").glob("*.wav")} == set(expected)
    for name, waveform in expected.items():
        found, rate = soundfile.read(out / "song" / f"{Path(name).name}.wav", dtype="float32")
        assert rate == 8000
        assert np.abs(waveform).max() > 1e-3
        np.testing.assert_allclose(found, waveform, atol=1e-5)


def test_a_config_that_is_not_the_one_in_the_checkpoint_is_refused(files):
    """Swap two sources by hand; before checkpoints carried the config nothing was noticed."""
    for workdir, returncode in (("carrying", 1), ("other", 0)):
        path = files / workdir / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        config["data"]["sources"].reverse()
        path.write_text(json.dumps(config), encoding="utf-8")
        where = [f"--workdir={files / workdir}", f"--out={files / workdir / 'stems'}"]
        result = run_command("evaluation.separate", *where, files / "song.wav", LABELS)
        assert result.returncode == returncode, result.stderr
        assert ("(data.sources was ('hn', " in result.stderr) == bool(returncode)


def estimate(folder):
    """Estimate with a SavedModel what the song would be at the rate of the records."""
    waveform, _ = soundfile.read(FILES / "song.wav", dtype="float32")
    model = tf.saved_model.load(str(folder))
    about = model.describe()
    assert int(about["step"]) == 6
    assert [name.decode() for name in about["sources"].numpy()] == ["hn", "tba", "va"]
    return model.separate(waveform, np.array([1, 0, 1], np.float32)).numpy()


@pytest.mark.slow
def test_an_old_saved_model_and_a_new_one_estimate_the_same(files, arrays):
    """Load the old SavedModel, and export the old checkpoint again."""
    expected = arrays["saved_model"]
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(estimate(files / "saved_model"), expected, atol=1e-5)
    arguments = [f"--workdir={files / 'run'}", "--checkpoint=latest", f"--out={files / 'again'}"]
    run("trainer.export", *arguments)
    np.testing.assert_allclose(estimate(files / "again"), expected, atol=1e-5)
