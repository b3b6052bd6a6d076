"""Makes a run whose network is untrained, as the trainer leaves it."""

import json

import configs
from tests.support.optimisation import optimisation_of
from trainer.loop.checkpoints import Checkpoints
from trainer.networks import make_network

SMALL = [
    "audio.sample_rate=8000",
    "model.num_levels=3",
    "model.num_filters=4",
    "model.estimate_frames=101",
    "data.sources=cl,fl,vc,vn",
]
# Of a network that may be told what plays, and of one that never is.
LABELLED = ["augmentation.label_dropout=0.5"]
UNLABELLED = [
    "audio.channels=2",
    "model.padding=same",
    "model.estimate_frames=1024",
    "model.conditioning=none",
    "model.conditioned_at=none",
    "model.gate_heads=false",
    "model.output=difference",
    "model.residual=vc",
]


# Of one that hears instruments.
SMALL_TAGGER = [
    "audio.sample_rate=8000",
    "data.sources=cl,fl,vc,vn",
    "model.window_frames=256",
    "model.hop_frames=128",
    "model.num_bands=24",
    "model.width=8",
    "model.depth=1",
]


def make_run(workdir, overrides, experiment="smoke"):
    """A run whose network is untrained, as the trainer leaves it."""
    small = SMALL_TAGGER if experiment == "smoke_tagger" else SMALL
    config = configs.load(experiment, [*small, *overrides])
    network = make_network(config)
    checkpoints = Checkpoints(str(workdir), optimisation_of(config, network), keep=3)
    for step in (5, 7):
        network.set_weights([weight * 1.01 for weight in network.get_weights()])
        checkpoints.save(step)
    (workdir / "config.json").write_text(configs.to_json(config))
    manifest = {
        "format_version": 1,
        "corpus": "urmp",
        "code_revision": "",
        "shards": {},
        "known_leaks": [],
    }
    manifest["config"] = json.loads(configs.to_json(config))
    (workdir / "records.json").write_text(json.dumps({"folder": "records", "manifest": manifest}))
    return config
