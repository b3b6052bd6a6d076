"""The network that answers queries: one encoder pass, two doors, one head."""

from dataclasses import replace

import numpy as np
import pytest

import configs
from configs import QueryNetworkSettings, QuerySettings
from trainer.networks import make_network

SMALL = replace(
    configs.load("smoke"),
    data=replace(configs.load("smoke").data, sources=("cl", "fl", "vn")),
    model=QueryNetworkSettings(
        num_levels=2,
        num_filters=4,
        estimate_frames=101,
        query_size=8,
        query_bands=16,
        query_filters=8,
        query_window=256,
    ),
    task=QuerySettings(query_secs=1.0),
)


@pytest.fixture(scope="module")
def network():
    return make_network(SMALL)


def mixture_for(network, batch=2):
    rng = np.random.default_rng(0)
    shape = (batch, network.window().mixture_frames, 1)
    return rng.standard_normal(shape).astype(np.float32)


def tone(hz, secs=1.0, level=0.1):
    return level * np.sin(2 * np.pi * hz * np.arange(round(22050 * secs)) / 22050)[None, :, None]


def test_queries_share_one_encoder_pass_and_each_is_answered_as_if_alone(network):
    mixture = mixture_for(network)
    queries = network.ask_by_name(np.array([[0, 1, 2], [2, 0, 1]]))
    features = network.encode(mixture, {})
    together = network.decode(features, {"query": queries})
    assert together["estimates"].shape == (2, 3, network.window().estimate_frames, 1)
    assert together["presence"].shape[:2] == (2, 3)
    for n in range(3):
        alone = network(mixture, {"query": queries[:, n : n + 1]})
        np.testing.assert_array_equal(together["estimates"][:, n : n + 1], alone["estimates"])
        np.testing.assert_allclose(together["presence"][:, n : n + 1], alone["presence"], atol=1e-5)
    # The queries of an example make the difference, behind the encoder.
    assert np.abs(together["estimates"][0, 0] - together["estimates"][0, 1]).max() > 1e-4


def test_the_encoder_with_folded_time_answers_the_same(network):
    folded = make_network(replace(SMALL, model=SMALL.model.for_tpu()))
    assert [v.path for v in folded.variables] == [v.path for v in network.variables]
    folded.set_weights(network.get_weights())
    mixture = mixture_for(network)
    queries = network.ask_by_name(np.array([[0, 1], [1, 2]]))
    ours = folded(mixture, {"query": queries})["estimates"]
    np.testing.assert_allclose(ours, network(mixture, {"query": queries})["estimates"], atol=1e-5)


def test_both_doors_give_queries_of_length_one_and_neither_level_nor_rests_change_one(network):
    by_name = np.asarray(network.ask_by_name(np.arange(3)))
    played = np.concatenate([tone(440), tone(880, level=0.03), np.zeros((1, 22050, 1))])
    by_audio, is_heard = network.ask_by_audio(played.astype(np.float32))
    assert by_name.shape == np.asarray(by_audio).shape == (3, 8)
    np.testing.assert_allclose(np.linalg.norm(by_name, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(by_audio, axis=1)[:2], 1, rtol=1e-5)
    np.testing.assert_array_equal(is_heard, [1, 1, 0])
    louder, _ = network.ask_by_audio((4 * played).astype(np.float32))
    np.testing.assert_allclose(louder, by_audio, atol=1e-4)
    with_rest = np.concatenate([tone(440), np.zeros((1, 22050, 1))], axis=1)
    rested, _ = network.ask_by_audio(with_rest.astype(np.float32))
    assert np.sum(rested[0] * by_audio[0]) > 0.95
    assert np.sum(by_audio[1] * by_audio[0]) < np.sum(rested[0] * by_audio[0])


def test_the_published_size_costs_an_encoder_and_a_decoder_for_each_query():
    """Of 11.2 and 2.7 GFLOP, and 1.6 and 3.3 times a pass with 13 slots."""
    slots = configs.load("urmp_labels")
    config = replace(slots, model=QueryNetworkSettings(), task=QuerySettings())
    network = make_network(config)
    flops = [network.forward_flops(num_queries=n) / 1e9 for n in range(14)]
    assert flops[0] == pytest.approx(11.2, abs=0.05)
    np.testing.assert_allclose(np.diff(flops), 2.7, atol=0.05)
    of_slots = make_network(slots).forward_flops() / 1e9
    assert flops[4] / of_slots == pytest.approx(1.6, abs=0.05)
    assert flops[13] / of_slots == pytest.approx(3.3, abs=0.05)


def test_heads_that_are_sums_of_others_are_told():
    model = configs.load("urmp").model
    assert model.remark_on(25, 1) == ""
    told = model.remark_on(26, 1)
    assert "26 heads" in told
    assert "25 features" in told
    assert "task.kind=query" in told
    assert model.remark_on(14, 2) != ""
    assert QueryNetworkSettings().remark_on(100, 1) == ""


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"gate_heads": True}, "model.gate_heads is True; expected one of False."),
        ({"conditioned_at": "input"}, "model.conditioned_at is 'input'; expected one of decoder."),
        ({"query_bands": 200}, "model.query_bands is 200; expected at most half of"),
    ],
)
def test_what_a_query_cannot_do_is_refused(changed, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(SMALL.model, **changed)


def test_a_query_is_no_longer_than_an_excerpt():
    with pytest.raises(ValueError, match=r"task.query_secs is 30.0; expected at most data.excerpt"):
        replace(SMALL, task=QuerySettings(query_secs=30.0))
