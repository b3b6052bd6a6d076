"""Makes the run of a tagger whose weights are set: it hears low tones as cl and high ones as vn."""

import json

import numpy as np

import configs
from trainer.loop.checkpoints import save_network
from trainer.networks import make_network

RATE = 8000
HOP = 128
SOURCES = ("cl", "fl", "vn")
# About in the middle of the bands below and above 1.3 kHz.
LOW_HZ = 500
HIGH_HZ = 2800
SETTINGS = [
    f"audio.sample_rate={RATE}",
    f"data.sources={','.join(SOURCES)}",
    "model.window_frames=512",
    f"model.hop_frames={HOP}",
    "model.num_bands=16",
    "model.width=8",
    "model.depth=1",
    "model.estimate_frames=4096",
]
# Of what a network hears, 20 dB a unit: a tone of half of full scale has 0.8 to 1.5.
_QUIET = 0.2


def make_run(workdir, overrides=()):
    """A run that trainer.task might have left, but for the training."""
    config = configs.load("smoke_tagger", [*SETTINGS, *overrides])
    workdir.mkdir(parents=True)
    (workdir / "config.json").write_text(configs.to_json(config))
    manifest = {
        "format_version": 1,
        "corpus": "urmp",
        "code_revision": "",
        "shards": {},
        "known_leaks": [],
        "config": json.loads(configs.to_json(config)),
    }
    (workdir / "records.json").write_text(json.dumps({"folder": "records", "manifest": manifest}))
    network = make_network(config)
    _set_weights(network)
    save_network(str(workdir), network)
    return config


def _set_weights(network):
    """Lets the loudest band of each half, where it is loud at all, decide about its instrument."""
    body = network.body
    for weight in body.weights:
        if "norm" not in weight.path:
            weight.assign(np.zeros(weight.shape))
    first, *others = body.images
    # Each step gives every second band: two filters of the first one see this band and the next.
    kernel = np.zeros(first.kernel.shape)
    kernel[1, 1, 0, 0] = 1
    kernel[1, 2, 0, 1] = 1
    first.kernel.assign(kernel)
    bias = np.zeros(first.bias.shape)
    bias[:2] = -_QUIET
    first.bias.assign(bias)
    # What is loud anywhere stays so; nothing is below 0 from here on.
    for image in others:
        kernel = np.zeros(image.kernel.shape)
        kernel[1, 1:, :2, 0] = 1
        image.kernel.assign(kernel)
    # (halves of the bands and filters, width)
    entrance = np.zeros(body.entrance.kernel.shape)
    num_filters = len(entrance) // 2
    exit_kernel = np.zeros(body.exit.kernel.shape)
    for half, source in enumerate(("cl", "vn")):
        entrance[half * num_filters, half] = 10
        exit_kernel[half, SOURCES.index(source)] = 4
    body.entrance.kernel.assign(entrance)
    body.exit.kernel.assign(exit_kernel)
    body.exit.bias.assign(np.full(len(SOURCES), -4))


def tone(hz, secs, rate=RATE, amplitude=0.5):
    """A tone (T,)."""
    times = np.arange(round(secs * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hz * times)).astype(np.float32)
