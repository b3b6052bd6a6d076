"""The network, its losses and the training step on the JAX backend: the same numbers, without
TensorFlow.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import configs
from tests.support.estimates import estimates_of
from tests.support.optimisation import optimisation_of
from trainer.networks import make_network
from trainer.networks.notes import UNKNOWN_NOTE
from trainer.tasks.separation.step import loss_of_batch

PROJECT = Path(__file__).parents[3]
LOSSES = [
    "task.mse=1",
    "task.sse=0.1",
    "task.l1=0.5",
    "task.si_sdr=0.01",
    "task.stft=0.2",
    "task.l1_snr=0.01",
    "task.level=0.01",
    "task.consistency=0.5",
    "task.loudness=true",
]
STEP = [
    "train.clip_norm=0.01",
    "train.average_decay=0.9",
    "train.optimizer=adamw",
    "train.warmup_steps=3",
]
# On JAX alone; TensorFlow takes the batch as a whole.
IN_PARTS = ["train.accumulate=2", "train.rematerialise=true"]
SIZES = [
    "model.num_levels=3",
    "model.num_filters=4",
    "model.estimate_frames=2077",
    "data.sources=cl,fl,vc,vn",
]
MASK = [
    "model.kind=stft_mask",
    "data.sources=cl,fl,vc,vn",
    "data.context_frames=8000",
    "model.window_frames=256",
    "model.estimate_frames=2077",
    "model.width=8",
    "model.depth=2",
    "model.context_columns=4",
    "model.mask=softmax",
    "model.num_bands=32",
]
BANDS = [
    "model.kind=band_split",
    "data.sources=cl,fl,vc,vn",
    "model.window_frames=256",
    "model.hop_frames=64",
    "model.estimate_frames=2112",
    "model.width=8",
    "model.depth=1",
    "model.num_heads=2",
    "model.head_size=4",
    # Adam turns the rounding of gradients that are next to 0 into whole steps.
    "train.optimizer=sgd",
    # Else a step is smaller than the rounding of weights.
    "train.learning_rate=1",
]


# Each starts a process in which JAX compiles.
@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ["model.computation=cpu"],
        ["model.computation=cpu", *IN_PARTS],
        [
            "model.computation=tpu",
            "model.upsampling=learned",
            "model.output=difference",
            "model.residual=vn",
            "task.consistency=0",
            "model.conditioning=concat",
            "model.conditioned_at=decoder",
            "audio.channels=2",
        ],
        [
            "model.padding=same",
            "model.estimate_frames=2080",
            "model.conditioning=outer",
            "model.gate_heads=false",
        ],
        [
            "model.timing=notes",
            "model.gate_timing=true",
            "model.gate_release_secs=0.01",
            "model.max_notes=8",
            "model.context_size=3",
        ],
        [*MASK, "task.consistency=0"],
        [*MASK, "model.body=unet", "model.mask=binary", "audio.channels=2", *IN_PARTS],
        [*MASK, "model.body=blstm", "model.own_bodies=true", "model.mask=soft"],
        [
            *BANDS,
            "model.band_bins=9,40,80",
            "audio.channels=2",
            "model.residual=vn",
            "task.consistency=0",
        ],
        [*BANDS, "model.bands=mel", "model.num_bands=8", "model.linear_depth=1"],
    ],
)
def test_both_backends_compute_the_same(overrides, tmp_path):
    sizes = [] if overrides[0].startswith("model.kind") else SIZES
    config = configs.load("smoke", [*sizes, *LOSSES, *STEP, *overrides])
    geometry, rng = config.model.window(), np.random.default_rng(0)
    shape, channels = (2, len(config.data.sources)), config.audio.channels
    batch = {
        "mixture": 0.3
        * rng.standard_normal((2, geometry.mixture_frames, channels)).astype(np.float32),
        "sources": 0.1
        * rng.standard_normal((*shape, geometry.estimate_frames, channels)).astype(np.float32),
        "labels": np.array([[1, 0, 1, 1], [-1, -1, -1, -1]], np.float32),
    }
    batch["sources"][0, 1] = 0
    known = {}
    if config.model.takes_notes:
        known["notes"] = np.zeros((2, 8, 4), np.float32)
        known["notes"][0, :2] = [[50, 900, 6010, 0], [700, 2000, 4790, 2]]
        known["notes"][1, :2] = [[-50, 300, 6010, 3], UNKNOWN_NOTE]
        known["context"] = rng.standard_normal((2, 4, 3)).astype(np.float32)
    batch.update(known)
    # Of this one everything is kept, whatever the config says to JAX.
    network = make_network(configs.override(config, ["train.rematerialise=false"]))
    weights = {variable.path: variable.numpy() for variable in network.variables}
    with tf.GradientTape() as tape:
        loss = loss_of_batch(network, batch, config)
    gradients = tape.gradient(loss, network.trainable_variables)

    (tmp_path / "config.json").write_text(configs.to_json(config))
    np.savez(tmp_path / "in.npz", **batch, **weights)
    arguments = [
        sys.executable,
        "-m",
        "tests.support.jax_step",
        *(str(tmp_path / name) for name in ("config.json", "in.npz", "out.npz")),
    ]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        arguments, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

    theirs = np.load(tmp_path / "out.npz")
    np.testing.assert_allclose(
        theirs["estimates"],
        estimates_of(network, batch["mixture"], batch["labels"], **known),
        atol=2e-6,
    )
    assert float(theirs["loss"]) == pytest.approx(float(loss), rel=1e-5)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(
            theirs[variable.path], gradient, atol=1e-4 * scale, err_msg=variable.path
        )

    # The optimizer divides a gradient by its size, so of those near 0 it keeps a rounding error.
    optimisation = optimisation_of(config, network)
    optimisation.optimizers[0].apply(gradients)
    optimisation.end_step()
    assert float(theirs["step/loss"]) == pytest.approx(float(loss), rel=1e-5)
    for path, variable in optimisation.variables.items():
        np.testing.assert_allclose(
            theirs[f"step/{path}"], variable, atol=1e-4 * np.abs(variable).max(), err_msg=path
        )
    for path, average in optimisation.average.items():
        np.testing.assert_allclose(
            theirs[f"step/average/{path}"], average, atol=1e-3 * np.abs(average).max()
        )
    for variable in network.trainable_variables:
        change, theirs_changed = (
            variable - weights[variable.path],
            theirs[f"step/{variable.path}"] - weights[variable.path],
        )
        assert np.mean(np.abs(change - theirs_changed)) < 0.02 * np.mean(np.abs(change)), (
            variable.path
        )
