"""What a TPU asks of the training step, as far as it can be asked without one, and what happens
where there is none.
"""

import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import configs
from tests.support.optimisation import optimisation_of
from trainer.devices.strategy import make_strategy
from trainer.devices.tensorflow_devices import differentiate, shares_of_host
from trainer.networks import make_network
from trainer.tasks.separation.step import batch_shapes, loss_of_batch

EVERYTHING = [
    "model.computation=tpu",
    "model.num_levels=3",
    "model.num_filters=4",
    "model.estimate_frames=2077",
    "data.sources=cl,fl,vc,vn",
    "task.si_sdr=0.01",
    "task.stft=0.2",
    "task.l1_snr=0.01",
    "task.level=0.01",
    "task.consistency=0.5",
    "task.loudness=true",
    "train.batch_size=2",
    "train.compute_dtype=bfloat16",
    "train.optimizer=adamw",
    "train.clip_norm=0.01",
    "train.average_decay=0.9",
    "train.schedule=cosine",
    "train.warmup_steps=3",
]


@pytest.mark.slow
@pytest.mark.parametrize("accumulate", [1, 2])
def test_xla_compiles_the_whole_step_into_one_program_of_static_shapes(accumulate):
    in_parts = [f"train.accumulate={accumulate}", f"train.rematerialise={accumulate > 1}".lower()]
    config = configs.load("smoke", [*EVERYTHING, *in_parts])
    rng = np.random.default_rng(0)
    batch = {
        name: tf.constant(0.1 * rng.standard_normal(shape), tf.float32)
        for name, shape in batch_shapes(config, config.train.batch_size).items()
    }
    network = make_network(config)
    optimisation = optimisation_of(config, network)

    def step(batch):
        loss, gradients = differentiate(
            lambda part: loss_of_batch(network, part, config) / accumulate,
            network.trainable_variables,
            batch,
            accumulate,
        )
        optimisation.optimizers[0].apply(gradients)
        optimisation.end_step()
        return loss

    plainly = float(loss_of_batch(network, batch, config))
    compiled = tf.function(step, jit_compile=True)
    losses = [float(compiled(batch)) for _ in range(8)]
    assert losses[0] == pytest.approx(plainly, rel=0.02)  # bfloat16
    assert losses[-1] < losses[0]
    graph = compiled.get_concrete_function(batch).graph
    results = [tensor for operation in graph.get_operations() for tensor in operation.outputs]
    assert len(results) > 1000
    assert [tensor.name for tensor in results if tensor.dtype == tf.string] == []
    unknown = [
        tensor
        for tensor in results
        if tensor.dtype != tf.resource and not tensor.shape.is_fully_defined()
    ]
    assert [tensor.name for tensor in unknown] == []


def test_hosts_share_a_batch_in_the_order_of_their_replicas():
    shares = tf.data.Dataset.range(24).batch(2, drop_remainder=True)  # 6 replicas, two steps

    def of_host(i, num_hosts):
        context = tf.distribute.InputContext(num_hosts, i, num_replicas_in_sync=6)
        return np.array(
            [list(share) for share in shares_of_host(shares, context).as_numpy_iterator()]
        )

    np.testing.assert_array_equal(of_host(0, 1), np.arange(24).reshape(12, 2))
    for num_hosts in (2, 3):
        by_host = [of_host(i, num_hosts).reshape(2, -1) for i in range(num_hosts)]
        np.testing.assert_array_equal(np.concatenate(by_host, axis=1), np.arange(24).reshape(2, 12))


@pytest.mark.slow
def test_a_machine_without_a_tpu_says_so():
    # In a process of its own: to look for a TPU resets TensorFlow.
    code = "from trainer.devices.strategy import make_strategy; make_strategy('local')"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "ValueError: no TPU answers as 'local' (" in result.stderr
    assert result.stderr.endswith("--tpu=none to train without one.\n")


@pytest.mark.parametrize("scheme", ["grpc://", "ftp://"])
def test_an_address_where_nobody_listens_is_refused_at_once(scheme):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: every connection is refused
        address = f"{scheme}127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ValueError, match=f"no TPU answers as '{address}' .*refused"):
            make_strategy(address)


def test_a_name_is_looked_up_on_google_cloud_alone(monkeypatch):
    def unknown(*_):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(
        ValueError, match=r"no TPU answers as 'my-tpu' \(metadata.google.internal:80"
    ):
        make_strategy("my-tpu")
