"""Weights of Open-Unmix become a run: the same estimates, its licence, and all that a run has."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from configs import instruments
from data_prep.synthetic import write_musdb
from evaluation import load_separator
from tests.support.commands import run_command
from tests.trainer.imports.reference import largest_difference
from tests.trainer.imports.tensors import write_tensors
from trainer.exports.card import model_card
from trainer.imports.open_unmix_run import read_open_unmix, write_run
from trainer.imports.published import PUBLISHED
from trainer.imports.tensor_file import read_tensors
from trainer.loop.workdir import load_run

pytestmark = pytest.mark.slow

FILES = Path(__file__).parent / "files"
COMMAND = "trainer.import_openunmix"
ABOUT = {
    "step": 0,
    "weights": "average",
    "takes_labels": False,
    "mixture_frames": 7,
    "lead_frames": 2,
    "hop_frames": 4,
}


@pytest.fixture
def weights(tmp_path):
    """A folder with the weights of two targets, to be spoilt."""
    return Path(shutil.copytree(FILES, tmp_path / "weights"))


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A run that the command made."""
    folder = tmp_path_factory.mktemp("imported") / "run"
    done = run_command(COMMAND, f"--weights={FILES}", f"--workdir={folder}", "--license=MIT")
    assert done.returncode == 0, done.stderr
    assert "is a run of drums, vocals at 4,000 Hz." in done.stdout
    assert "Licence of the weights: MIT." in done.stdout
    return folder


def test_its_estimates_are_those_of_open_unmix(workdir):
    expected = dict(np.load(FILES / "expected.npz"))
    assert largest_difference(workdir, expected, num_left_out=64) < 1e-5


def test_other_programs_take_it_as_any_run(workdir):
    separator = load_separator(str(workdir))
    assert (separator.sources, separator.sample_rate) == (("drums", "vocals"), 4000)
    estimates = separator(np.ones((500, 2), np.float32), 4000)
    assert estimates["vocals"].shape == (500, 2)
    assert np.isfinite(estimates["vocals"]).all()


def test_the_run_and_its_model_card_say_whose_weights_they_are(workdir):
    run = load_run(str(workdir))
    assert run.imported.licence == "MIT"
    assert sorted(run.imported.files) == ["drums.safetensors", "vocals.safetensors"]
    card = model_card(str(workdir), run, ABOUT, 1234, [])
    assert "the weights are those of Open-Unmix, imported from:" in card
    assert f"`drums.safetensors`, SHA-256 {run.imported.files['drums.safetensors']}" in card
    assert "Licence of the weights: MIT." in card
    assert "What the weights learnt from is not known to this program." in card
    assert "200,000" not in card.split("## Config")[0]


def test_scores_need_records_that_are_named(workdir):
    done = run_command("evaluation.evaluate", f"--workdir={workdir}")
    assert done.returncode == 1
    assert "imported, and has no records; name those to score with --records." in done.stderr


def test_a_run_that_is_there_stays(workdir):
    before = (workdir / "config.json").read_bytes()
    done = run_command(COMMAND, f"--weights={FILES}", f"--workdir={workdir}")
    assert done.returncode == 1
    assert "holds a run; choose another --workdir." in done.stderr
    assert (workdir / "config.json").read_bytes() == before


def renamed(weights, drums, vocals):
    for target, tag in (("drums", drums), ("vocals", vocals)):
        (weights / f"{target}.safetensors").rename(weights / f"{target}{tag}.safetensors")
    (weights / "separator.json").unlink()


def test_the_licence_of_published_weights_is_known(weights):
    renamed(weights, "-69e0ebd4", "-bccbd9aa")
    found = read_open_unmix(weights)
    assert found.config.name == "umxl"
    assert found.imported.licence == "CC BY-NC-SA 4.0, which forbids commercial use (umxl)"
    with pytest.raises(ValueError, match="whose licence is known: leave it out"):
        read_open_unmix(weights, licence="MIT")


def test_each_licence_is_named_where_they_differ(weights):
    renamed(weights, "-69e0ebd4", "")
    found = read_open_unmix(weights, licence="mine")
    assert found.config.name == "openunmix"
    assert found.imported.licence.endswith("commercial use (umxl); mine (vocals)")
    assert found.imported.trained_on == "stems that are not public and what is not known"


def test_no_two_sets_of_published_weights_share_a_file():
    tags = [tag for each in PUBLISHED for tag in each.tags]
    assert len(tags) == len(set(tags)) == 14


def test_a_sample_rate_that_nothing_says_is_told(weights, capsys):
    renamed(weights, "", "")
    assert read_open_unmix(weights).config.audio.sample_rate == 44100
    assert "nothing says the sample rate; 44100 Hz unless" in capsys.readouterr().out
    assert read_open_unmix(weights, sample_rate=8000).config.audio.sample_rate == 8000


def test_what_is_beside_the_weights_must_agree_with_them(weights):
    with pytest.raises(ValueError, match="said to be 8000 and 4000 Hz"):
        read_open_unmix(weights, sample_rate=8000)
    (weights / "separator.json").write_text('{"sample_rate": "fast"}')
    with pytest.raises(ValueError, match="said to be fast Hz, by --sample_rate or the files"):
        read_open_unmix(weights)
    (weights / "separator.json").write_text('{"nfft": 64, "nhop": 32, "nb_channels": 2}')
    with pytest.raises(ValueError, match=r"separator.json says nhop 32; expected 16, a quarter"):
        read_open_unmix(weights)
    (weights / "vocals.json").write_text("{}")
    with pytest.raises(ValueError, match=r"vocals.json has no arguments of a training"):
        read_open_unmix(weights)


def test_a_target_has_one_file(weights):
    (weights / "vocals-0123456789.pth").touch()
    with pytest.raises(ValueError, match=r"two files for vocals: vocals-0123456789\.pth and v"):
        read_open_unmix(weights)


@pytest.mark.parametrize("folder", ["none", "."])
def test_where_there_are_no_weights_it_says_what_was_expected(tmp_path, folder):
    done = run_command(COMMAND, f"--weights={tmp_path / folder}", f"--workdir={tmp_path}/run")
    assert done.returncode == 1
    assert "a file for each target" in done.stderr
    assert not (tmp_path / "run").exists()


def test_files_of_pytorch_need_an_interpreter_that_has_it(weights, tmp_path):
    for target in ("drums", "vocals"):
        (weights / f"{target}.safetensors").rename(weights / f"{target}.pth")
    if importlib.util.find_spec("torch") is None:
        with pytest.raises(ValueError, match=r"drums.pth is read by PyTorch, which this Python do"):
            read_open_unmix(weights)
    with pytest.raises(ValueError, match="nothere cannot be run: No such file or directory"):
        read_open_unmix(weights, torch_python=str(tmp_path / "nothere"))
    blind = tmp_path / "blind"
    blind.write_text("#!/bin/sh\nexit 1\n")
    blind.chmod(0o755)
    with pytest.raises(ValueError, match="blind has no PyTorch; name one that has it"):
        read_open_unmix(weights, torch_python=str(blind))


def spoilt(tensors, what):
    if what == "missing":
        del tensors["fc2.weight"]
    elif what == "shape":
        tensors["fc3.weight"] = tensors["fc3.weight"][:-1]
    elif what == "value":
        tensors["bn2.bias"][0] = np.nan
    elif what == "variance":
        tensors["bn2.running_var"][0] = -1
    elif what == "direction":
        return {name: array for name, array in tensors.items() if "reverse" not in name}
    elif what == "another":
        return {"conv.weight": np.zeros(3, np.float32)}
    elif what == "scalar":
        tensors["fc1.weight"] = np.zeros((), np.float32)
    return tensors


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("missing", "has no fc2.weight; expected the weights of one target of Open-Unmix"),
        ("shape", r"has fc3.weight of the shape \(65, 8\); expected \(66, 8\)"),
        ("value", "has values in bn2.bias that no weights are"),
        ("variance", "has values in bn2.running_var that no weights are"),
        ("direction", "goes through time in one direction"),
        ("another", "has no input_mean; expected the weights of one target"),
        ("scalar", "has no fc1.weight"),
    ],
)
def test_what_are_no_weights_of_open_unmix_is_refused(weights, what, sentence):
    path = weights / "vocals.safetensors"
    write_tensors(path, spoilt(read_tensors(path), what))
    with pytest.raises(ValueError, match=sentence):
        read_open_unmix(weights)


def test_targets_of_other_sizes_are_no_network(weights):
    tensors = read_tensors(weights / "vocals.safetensors")
    layers = [name for name in tensors if not name.startswith("lstm") or "_l1" not in name]
    write_tensors(weights / "vocals.safetensors", {name: tensors[name] for name in layers})
    with pytest.raises(ValueError, match="are of networks of other sizes"):
        read_open_unmix(weights)


def test_what_has_no_place_is_named(weights, capsys):
    tensors = read_tensors(weights / "vocals.safetensors")
    write_tensors(
        weights / "vocals.safetensors",
        {**tensors, "more": np.zeros(3, np.float32), "stft.window": np.ones(64, np.float32)},
    )
    read_open_unmix(weights)
    assert "vocals.safetensors has more, which is left out: more." in capsys.readouterr().out


def test_it_is_scored_as_any_run(tmp_path):
    """With the four sources, and at the rate, of records."""
    write_musdb(tmp_path / "corpus", num_pieces=4, secs=3.0, seed=5)
    weights = Path(shutil.copytree(FILES, tmp_path / "weights"))
    (weights / "separator.json").unlink()
    for copy, target in (("bass", "drums"), ("other", "vocals")):
        shutil.copy(weights / f"{target}.safetensors", weights / f"{copy}.safetensors")
    run = tmp_path / "run"
    write_run(read_open_unmix(weights, sample_rate=22050), str(run))
    assert load_run(str(run)).config.data.sources == instruments.MUSDB
    written = run_command(
        "data_prep.write",
        "--config=smoke_musdb",
        "--set=audio.channels=2",
        "--corpus=musdb",
        f"--root={tmp_path}/corpus",
        f"--out={tmp_path}/records",
    )
    assert written.returncode == 0, written.stderr
    done = run_command(
        "evaluation.evaluate",
        f"--workdir={run}",
        f"--records={tmp_path}/records",
        "--processes=1",
        "--baselines=none",
    )
    assert done.returncode == 0, done.stderr
    page = (run / "evaluation" / "0-test" / "report.html").read_text()
    assert "weights of Open-Unmix, imported" in page
    assert "before it learnt anything" not in page
    # Of the training split of these records, as those of the weights are not known.
    gains = json.loads((run / "evaluation" / "constant_gain.json").read_text())["gains"]
    assert list(gains) == list(instruments.MUSDB)
    assert all(0 < gain < 1 for gain in gains.values())
    card = model_card(str(run), load_run(str(run)), ABOUT, 1234, [])
    assert "On the test split, with no labels:" in card
