"""The text of a page: what it holds, and what it lets run."""

import json
import re

import numpy as np
import pytest

import configs
from data_prep.records.manifest import Manifest
from evaluation.player.making import write_page
from evaluation.player.packing import Packed
from evaluation.player.page import TrainingSounds, make_contents, to_html
from tests.evaluation.player.test_packing import unpacked
from tests.support.page import Page
from trainer.loop.workdir import TrainingRun
from trainer.networks.generator.network import make_network

# Too short for the windows of the loss.
SHORT = ["model.num_frames=1024", "task.stft=0"]
DENSE = [*SHORT, "model.units=24,8", "model.body=dense"]
CONVOLUTIONS = [*SHORT, "model.filters=4", "model.body=convolutions"]
ADVERSARIAL = ["task.method=adversarial", "task.prior=uniform"]
NASTY = "</script><script>window.broken = 1</script>"


def make_page(path, overrides, classes=("kick", NASTY), value_bytes=4, louder=1.0):
    """Writes the page of a network with random weights, and sounds with random numbers.

    Returns the network, and the numbers.
    """
    config = configs.load("one_shots", overrides)
    network = make_network(config)
    for variable in network.variables:
        variable.assign(louder * np.asarray(variable))
    rng = np.random.default_rng(3)
    count = 12 if network.encoder is not None else 0
    latents = rng.standard_normal((count, config.model.latents)).astype(np.float32)
    names = [f"{NASTY} {number}" for number in range(count)]
    of_sounds = [classes[number % len(classes)] for number in range(count)]
    sounds = TrainingSounds(names, of_sounds, latents)
    contents = make_contents(config, network, sounds, 7, value_bytes, f"play {NASTY}")
    path.write_text(to_html(contents), encoding="utf-8")
    return network, latents


def element(html, key):
    return re.search(rf'<script [^>]*id="{key}">(.*?)</script>', html, re.DOTALL)[1]


def read_page(path):
    """Returns what the scripts of a page read: its description, weights and numbers."""
    html = path.read_text(encoding="utf-8")
    described = json.loads(element(html, "described"))
    arrays = [
        unpacked(Packed(described[key], element(html, key))) for key in ("weights", "numbers")
    ]
    return html, described, *arrays


def test_a_page_holds_network_and_sounds(tmp_path):
    network, latents = make_page(tmp_path / "a.html", [*DENSE, "model.latents=3"])
    _, described, weights, numbers = read_page(tmp_path / "a.html")
    for variable in network.variables:
        np.testing.assert_array_equal(weights[variable.path], np.asarray(variable))
    np.testing.assert_array_equal(numbers["sounds"], latents)
    np.testing.assert_allclose(numbers["start"], latents.mean(axis=0), atol=1e-6)
    assert numbers["directions"].shape == (3, 3)
    assert described["names"][11] == f"{NASTY} 11"
    assert [described["classes"][i] for i in described["class_numbers"][:2]] == ["kick", NASTY]
    assert described["model"]["units"] == [24, 8]
    # 0.02 s at 16 kHz, and 5 ms.
    assert (described["attack_frame"], described["fade_frames"]) == (320, 80)


def test_a_page_is_well_formed_and_runs_its_own_scripts_alone(tmp_path):
    make_page(tmp_path / "a.html", DENSE)
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    page = Page(re.sub(r"(<script[^>]*>).*?</script>", r"\1</script>", html, flags=re.DOTALL))
    assert page.policy.startswith("default-src 'none'; ")
    assert page.policy.count("'sha256-") == 9
    assert "unsafe-eval" not in page.policy
    assert not {link for link in page.links if link != "data:,"}
    assert html.count("<script") == 9 + 3
    assert len(page.ids) == len(set(page.ids))
    assert "One-shots to play · step 7 · 16 numbers · 12 training sounds" in page.text


def test_a_page_without_an_encoder_says_so(tmp_path):
    make_page(tmp_path / "a.html", [*CONVOLUTIONS, *ADVERSARIAL, "model.latents=100"])
    html, _, weights, numbers = read_page(tmp_path / "a.html")
    assert 'type="file"' not in html
    assert "A run with task.method=encoder that begins from it (train.begin_from)" in html
    assert not any("encoder" in path for path in weights)
    assert numbers["directions"].shape == (100, 100)
    assert "dice" not in numbers


def test_dice_of_an_autoencoder_are_like_its_sounds(tmp_path):
    overrides = [*DENSE, "task.method=autoencoder", "model.latents=2"]
    _, latents = make_page(tmp_path / "a.html", overrides)
    *_, numbers = read_page(tmp_path / "a.html")
    covariance = numbers["dice"].T @ numbers["dice"]
    np.testing.assert_allclose(covariance, np.cov(latents.T), atol=1e-5)
    np.testing.assert_allclose(numbers["dice_middle"], latents.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("rate", [4000, 192_000])
def test_a_rate_that_not_every_browser_plays_is_refused(tmp_path, rate):
    config = configs.load("one_shots", [f"audio.sample_rate={rate}"])
    run = TrainingRun(
        config, records="", manifest=Manifest(config, corpus="", code_revision="", shards={})
    )
    with pytest.raises(ValueError, match="expected 8,000 to 96,000"):
        write_page(run, "run", "best", "average", tmp_path / "a.html", False, "")


@pytest.mark.parametrize("size", [4, 2])
def test_a_network_of_three_and_a_half_million_parameters_fits(tmp_path, size):
    overrides = ["model.units=210,64", "model.body=dense", "model.latents=16"]
    network, _ = make_page(tmp_path / "a.html", overrides, value_bytes=size)
    assert 3.4e6 < network.count_params() < 3.5e6
    assert (tmp_path / "a.html").stat().st_size < 20e6 * size / 4
