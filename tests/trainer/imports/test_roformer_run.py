"""Weights of RoFormers become a run: the same estimates, and one sentence where files do not fit."""

import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from evaluation import load_separator
from tests.support.commands import run_command
from tests.trainer.imports.roformer_reference import largest_difference, network_of_run
from tests.trainer.imports.tensors import write_tensors
from trainer.exports.card import model_card
from trainer.imports.roformer_run import Told, give_weights, read_roformer
from trainer.imports.roformer_tensors import sizes_of, values_by_path
from trainer.imports.tensor_file import read_tensors
from trainer.loop.workdir import load_run
from trainer.networks import make_network

pytestmark = pytest.mark.slow

FILES = Path(__file__).parent / "roformers"
COMMAND = "trainer.import_roformer"
ABOUT = {
    "step": 0,
    "weights": "average",
    "takes_labels": False,
    "mixture_frames": 320,
    "lead_frames": 0,
    "hop_frames": 80,
}
ATTENTION = "layers.0.0.layers.0.0"


def import_files(folder, workdir, *flags, weights="model.safetensors"):
    return run_command(
        COMMAND,
        f"--weights={folder / weights}",
        f"--config={folder / 'model.yaml'}",
        f"--workdir={workdir}",
        *flags,
    )


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A run that the command made."""
    folder = tmp_path_factory.mktemp("imported") / "run"
    done = import_files(FILES / "mel", folder, "--license=MIT")
    assert done.returncode == 0, done.stderr
    assert "is a run of vocals, other at 8,000 Hz." in done.stdout
    assert "Licence of the weights: MIT." in done.stdout
    return folder


@pytest.fixture
def files(tmp_path):
    """Both kinds of files, to be spoilt."""
    return Path(shutil.copytree(FILES, tmp_path / "files"))


def read(folder, told=None, weights="model.safetensors", **options):
    return read_roformer(folder / weights, folder / "model.yaml", told=told, **options)


def changed_yaml(folder, *pairs):
    path = folder / "model.yaml"
    text = path.read_text()
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)


def changed_tensors(folder, change):
    path = folder / "model.safetensors"
    tensors = read_tensors(path)
    write_tensors(path, change(tensors) or tensors)


def test_estimates_of_a_run_are_those_of_the_package(workdir):
    assert largest_difference(network_of_run(workdir), FILES / "mel") < 2e-6


def test_so_are_those_of_bands_that_are_listed():
    found = read(FILES / "bs")
    network = make_network(found.config)
    give_weights(network, found)
    assert largest_difference(network, FILES / "bs") < 2e-6


def test_a_run_has_what_the_yaml_says(workdir):
    model = load_run(str(workdir)).config.model
    assert (model.bands, model.linear_depth, model.residual) == ("mel", 1, "other")
    config = read(FILES / "bs").config
    model = config.model
    assert (config.name, config.audio.sample_rate, config.audio.channels) == (
        "bs_roformer",
        4000,
        2,
    )
    assert (model.window_frames, model.hop_frames, model.estimate_frames) == (32, 8, 320)
    assert (model.overlap, model.band_bins, model.residual) == (4, (2, 3, 12), None)
    assert (model.conditioning, model.gate_heads) == ("none", False)


def test_the_run_and_its_model_card_say_whose_weights_they_are(workdir):
    run = load_run(str(workdir))
    assert sorted(run.imported.files) == ["model.safetensors", "model.yaml"]
    card = model_card(str(workdir), run, ABOUT, 3230, [])
    assert "the weights are those of Mel-Band RoFormer, imported from:" in card
    assert f"`model.yaml`, SHA-256 {run.imported.files['model.yaml']}" in card
    assert "Licence of the weights: MIT." in card


def test_a_licence_that_nobody_states_is_not_stated():
    assert read(FILES / "bs").imported.licence == "not stated"


def test_what_comes_from_flags_comes_before_what_the_yaml_says(files):
    told = Told(sources=["Drums", "Voice"], overlap=2)
    config = read(files / "bs", told).config
    assert (config.data.sources, config.model.overlap) == (("Drums", "Voice"), 2)
    one = Told(sources=["choir"])
    config = read(files / "mel", one).config
    assert (config.data.sources, config.model.residual) == (("choir",), None)
    both = Told(sources=["choir", "band"])
    config = read(files / "mel", both).config
    assert (config.data.sources, config.model.residual) == (("choir", "band"), "band")


def test_what_nothing_says_is_told(files, capsys):
    changed_yaml(files / "bs", ("  sample_rate: 4000\n", ""), ("  num_overlap: 4\n", ""))
    config = read(files / "bs").config
    assert (config.audio.sample_rate, config.model.overlap) == (44100, 2)
    told = capsys.readouterr().out
    assert "nothing says the sample rate; 44100 Hz unless" in told
    assert "nothing says inference.num_overlap; 2 chunks over each frame unless" in told
    assert read(files / "bs", Told(sample_rate=8000)).config.audio.sample_rate == 8000


def test_the_chunk_of_separation_comes_before_that_of_training(files):
    changed_yaml(files / "bs", ("inference:\n", "inference:\n  chunk_size: 650\n"))
    model = read(files / "bs").config.model
    # Whole hops.
    assert (model.estimate_frames, model.window().mixture_frames) == (650, 656)


def test_fields_that_change_nothing_pass(files):
    fields = "  ff_dropout: 0.3\n  use_torch_checkpoint: true\n  skip_connection: false\n"
    changed_yaml(files / "bs", ("  depth: 2\n", f"  depth: 2\n{fields}"))
    read(files / "bs")


def test_sizes_that_the_yaml_leaves_out_are_those_of_the_weights(files):
    text = "model:\n  stft_n_fft: 32\n  stft_hop_length: 8\n"
    text += "audio: {chunk_size: 320, sample_rate: 4000}\n"
    text += "training: {instruments: [drums, vocals]}\ninference: {num_overlap: 4}\n"
    (files / "bs/model.yaml").write_text(text)
    assert read(files / "bs").config == read(FILES / "bs").config


def test_blocks_without_linear_attention_may_begin_one_place_later():
    """As 0.4 counts the children of a block, of which the first one is missing then."""
    tensors = read_tensors(FILES / "mel/model.safetensors")
    later = {name: each for name, each in tensors.items() if not name.startswith("layers.0.0.")}
    # Of names such as layers.0.2.layers.0.1.net the beginning alone.
    earlier = {
        re.sub(r"^layers\.0\.(\d)", lambda found: f"layers.0.{int(found[1]) - 1}", name): each
        for name, each in later.items()
    }
    assert earlier.keys() != later.keys()
    found = [dict(values_by_path(each, sizes_of(each, "a"))) for each in (earlier, later)]
    assert found[0].keys() == found[1].keys()
    assert len(found[0]) == len([name for name in later if "rotary" not in name])
    for path, values in found[0].items():
        np.testing.assert_array_equal(values, found[1][path])


BS_YAML = [
    ([("  depth: 2\n", "  depth: 12\n")], r"change model\.depth from 12 to 2; or take the yaml"),
    ([("  depth: 2\n", "  depth: two\n")], r"change model\.depth from 'two' to 2"),
    (
        [("  dim: 4\n", "  dim: 384\n"), ("  heads: 2\n", "  heads: 8\n")],
        r"change model\.dim from 384 to 4, model\.heads from 8 to 2; or",
    ),
    ([("  dim_head: 4\n", "  dim_head: 64\n")], r"change model\.dim_head from 64 to 4;"),
    ([("  num_stems: 2\n", "  num_stems: 1\n")], r"change model\.num_stems from 1 to 2;"),
    ([("freq_transformer_depth: 1", "freq_transformer_depth: 2")], r"former_depth from 2 to 1"),
    (
        [("  depth: 2\n", "  depth: 2\n  linear_transformer_depth: 1\n")],
        r"change model\.linear_transformer_depth from 1 to 0",
    ),
    (
        [("  depth: 2\n", "  depth: 2\n  mlp_expansion_factor: 2\n")],
        r"change model\.mlp_expansion_factor from 2 to 4",
    ),
    (
        [("  depth: 2\n", "  depth: 2\n  mask_estimator_depth: 3\n")],
        r"change model\.mask_estimator_depth from 3 to 2",
    ),
    (
        [("  - 3\n  - 12\n", "  - 2\n  - 13\n")],
        r"change model\.freqs_per_bands from \(2 of 2, 1 of 13\) to \(1 of 2, 1 of 3, 1 of 12\);",
    ),
    ([("  stereo: true\n", "  stereo: false\n")], r"change model\.stereo from false to true;"),
    ([("num_channels: 2", "num_channels: 1")], r"change audio\.num_channels from 1 to 2;"),
    ([("stft_n_fft: 32", "stft_n_fft: 64")], r"change model\.stft_n_fft from 64 to 32;"),
    ([("  stft_n_fft: 32\n", "")], r"change model\.stft_n_fft from 2048 to 32;"),
    ([("stft_n_fft: 32", "stft_n_fft: 33")], r"stft_n_fft 33; expected an even number up to"),
    (
        [("stft_win_length: 32", "stft_win_length: 16")],
        r"stft_win_length 16, which is an analysis window that is shorter .*; expected 32\.",
    ),
    (
        [("  depth: 2\n", "  depth: 2\n  skip_connection: true\n")],
        r"skip_connection true, which is the sum of all blocks .*: no network here has that;",
    ),
    (
        [("  depth: 2\n", "  depth: 2\n  use_pope: true\n  rank: 3\n")],
        r"says model\.use_pope, model\.rank, which is not known here",
    ),
    (
        [("  freqs_per_bands: !!python/tuple\n  - 2\n  - 3\n  - 12\n", "  num_bands: 3\n")],
        r"is of a Mel-Band RoFormer \(model\.num_bands\), .*safetensors of a BS-RoFormer; take",
    ),
    ([("  chunk_size: 320\n", "")], r"make no network: audio\.chunk_size is missing"),
    ([("chunk_size: 320", "chunk_size: 3.5")], r"audio\.chunk_size 3\.5; expected a whole number"),
    ([("chunk_size: 320", "chunk_size: 16")], r"make no network: model\.estimate_frames is 16;"),
    ([("num_overlap: 4", "num_overlap: 40")], r"make no network: model\.overlap is 40;"),
    ([("  depth: 2\n", "  depth: 2\n  sample_rate: 8000\n")], r"said to be 4000 and 8000 Hz"),
    (
        [("target_instrument: null", "target_instrument: vocals")],
        r"target_instrument 'vocals'; the weights have 2 stems: expected null",
    ),
    (
        [("  - drums\n", "")],
        r"training\.instruments vocals; the weights have 2 stems: expected 2 n",
    ),
    ([("  - drums\n", "  - 3\n")], r"training\.instruments \[3, 'vocals'\]; expected names\."),
    ([("  - drums\n", "  - residual\n")], r"make no network: data\.sources is 'residual'"),
]


@pytest.mark.parametrize(("pairs", "sentence"), BS_YAML)
def test_a_yaml_that_does_not_fit_says_what_must_change(files, pairs, sentence):
    changed_yaml(files / "bs", *pairs)
    with pytest.raises(ValueError, match=sentence):
        read(files / "bs")


MEL_YAML = [
    (
        [("sample_rate: 8000", "sample_rate: 44100")],
        r"change audio\.sample_rate and model\.sample_",
    ),
    ([("  num_bands: 3\n", "  num_bands: 60\n")], r"change model\.num_bands from 60 to 3;"),
    ([("time_transformer_depth: 2", "time_transformer_depth: 1")], r"former_depth from 1 to 2"),
    ([("mask_estimator_depth: 1", "mask_estimator_depth: 2")], r"mask_estimator_depth from 2 to 1"),
    ([("linear_transformer_depth: 1", "linear_transformer_depth: 0")], r"depth from 0 to 1"),
    ([("stereo: false", "stereo: true")], r"change model\.stereo from true to false;"),
    (
        [("target_instrument: vocals", "target_instrument: null")],
        r"target_instrument None; the wei",
    ),
    (
        [("target_instrument: vocals", "target_instrument: Vocals")],
        r"expected one of training\.ins",
    ),
    (
        [("  - other\n", "  - other\n  - drums\n")],
        r"instruments vocals, other, drums; the weights have 1 stem: expected 1 name and, if you",
    ),
]


@pytest.mark.parametrize(("pairs", "sentence"), MEL_YAML)
def test_so_does_one_of_mel_bands(files, pairs, sentence):
    changed_yaml(files / "mel", *pairs)
    with pytest.raises(ValueError, match=sentence):
        read(files / "mel")


def test_bands_that_nothing_makes_are_told(files):
    def change(tensors):
        tensors["band_split.to_features.1.0.gamma"] = np.ones(14, np.float32)
        tensors["band_split.to_features.1.1.weight"] = np.ones((4, 14), np.float32)
        for part, shape in (("weight", (28, 16)), ("bias", (28,))):
            tensors[f"mask_estimators.0.to_freqs.1.0.2.{part}"] = np.ones(shape, np.float32)

    changed_tensors(files / "mel", change)
    with pytest.raises(ValueError, match=r"has other bands than .*: not 3 of Mel-Band RoFormer"):
        read(files / "mel")


def missing(tensors):
    del tensors["layers.1.0.layers.0.1.net.4.bias"]


def of_another_shape(tensors):
    tensors["mask_estimators.1.to_freqs.2.0.0.bias"] = np.ones(3, np.float32)


def not_finite(tensors):
    tensors[f"{ATTENTION}.to_qkv.weight"][0, 0] = np.nan


def more(tensors):
    tensors[f"{ATTENTION}.to_qkv.bias"] = np.zeros(24, np.float32)


def later_version(tensors):
    return {
        name.replace(".0.norm", ".0.branch.norm").replace(".0.to_", ".0.branch.to_"): array
        for name, array in tensors.items()
    }


def other_rotation(tensors):
    tensors[f"{ATTENTION}.rotary_embed.freqs"] = np.array([1, 0.02], np.float32)


def another_network(tensors):
    return {"fc1.weight": tensors["final_norm.gamma"]}


def a_scalar(tensors):
    tensors[f"{ATTENTION}.to_gates.weight"] = np.ones((), np.float32)


def far_away(tensors):
    tensors["layers.999999.0.norm.gamma"] = np.ones(4, np.float32)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (missing, r"has no layers\.1\.0\.layers\.0\.1\.net\.4\.bias; expected weights of a BS-Ro"),
        (of_another_shape, r"to_freqs\.2\.0\.0\.bias of the shape \(3,\); expected \(16,\)"),
        (not_finite, r"has values in .*to_qkv\.weight that no weights are"),
        (more, r"to_qkv\.bias, which has no place in a BS-RoFormer"),
        (later_version, r"is of a later version of the package BS-RoFormer, such as 1\.2"),
        (other_rotation, r"freqs of other values than 10000\^\(-2i / 4\)"),
        (another_network, r"has no band_split\.to_features\.0\.0\.gamma; expected"),
        (a_scalar, r"to_gates\.weight of the shape \(\); expected 2 axes"),
        (far_away, r"has no layers\.2\.0\."),
    ],
)
def test_what_are_no_such_weights_is_refused(files, change, sentence):
    changed_tensors(files / "bs", change)
    with pytest.raises(ValueError, match=sentence):
        read(files / "bs")


def test_rotations_may_be_rounded_or_left_out(files):
    def rounded(tensors):
        return {
            name: array.astype(np.float16).astype(np.float32) if "rotary" in name else array
            for name, array in tensors.items()
            if name != f"{ATTENTION}.rotary_embed.freqs"
        }

    changed_tensors(files / "bs", rounded)
    read(files / "bs")


@pytest.mark.parametrize("what", ["truncated", "yaml", "weights", "workdir", "torch"])
def test_whatever_does_not_fit_is_one_sentence_and_leaves_nothing(files, tmp_path, what):
    folder = files / "bs"
    weights = "model.safetensors"
    flags = ()
    if what == "truncated":
        data = (folder / weights).read_bytes()
        (folder / weights).write_bytes(data[:-1000])
        sentence = "bytes of numbers; its header says"
    elif what == "yaml":
        (folder / "model.yaml").unlink()
        sentence = "model.yaml; expected the yaml that belongs to the weights"
    elif what == "weights":
        weights = "none.ckpt"
        sentence = "none.ckpt; expected weights of a BS-RoFormer"
    elif what == "torch":
        (folder / weights).rename(folder / "model.ckpt")
        weights = "model.ckpt"
        flags = (f"--torch_python={tmp_path}/none",)
        sentence = "none cannot be run: No such file or directory"
    else:
        changed_yaml(folder, ("  depth: 2\n", "  depth: 3\n"))
        sentence = "change model.depth from 3 to 2"
    done = import_files(folder, tmp_path / "run", *flags, weights=weights)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert sentence in line
    assert not (tmp_path / "run").exists()


def test_files_of_pytorch_need_an_interpreter_that_has_it(files):
    if importlib.util.find_spec("torch") is None:
        (files / "bs/model.safetensors").rename(files / "bs/model.ckpt")
        with pytest.raises(ValueError, match=r"model.ckpt is read by PyTorch, which this Python"):
            read(files / "bs", weights="model.ckpt")


def test_other_programs_take_it_as_any_run(workdir):
    separator = load_separator(str(workdir))
    assert (separator.sources, separator.sample_rate) == (("vocals", "other"), 8000)
    estimates = separator(np.ones((500, 1), np.float32), 8000)
    assert estimates["other"].shape == (500, 1)
    assert np.isfinite(estimates["other"]).all()
