"""Makes a small run of a tagger that learnt nothing, and sounds of several timbres."""

import numpy as np
import soundfile

import configs
from data_prep.records.manifest import Manifest
from tests.support.optimisation import optimisation_without_loss
from trainer.loop.checkpoints import Checkpoints
from trainer.loop.workdir import open_run
from trainer.networks import make_network

SMALL = [
    "audio.sample_rate=8000",
    "model.window_frames=512",
    "model.hop_frames=256",
    "model.num_bands=16",
    "model.width=8",
    "model.depth=1",
    "model.estimate_frames=4096",
]


def make_run(workdir, overrides=()):
    """Makes a run as the trainer leaves it after 5 and after 7 steps, in which nothing was learnt."""
    config = configs.load("smoke_tagger", [*SMALL, "train.average_decay=0", *overrides])
    manifest = Manifest(config=config, corpus="urmp", code_revision="", shards={})
    open_run(str(workdir), config, "/nowhere", manifest)
    network = make_network(config)
    optimisation = optimisation_without_loss(config.train, network)
    checkpoints = Checkpoints(str(workdir), optimisation, keep=3)
    for step in (5, 7):
        network.set_weights([weight * 1.01 for weight in network.get_weights()])
        checkpoints.save(step)
    return config


def tone(timbre, secs=1.0, sample_rate=8000, pitch=330.0, seed=0):
    """Returns a sound of a timbre, (frames,)."""
    generator = np.random.default_rng(seed)
    times = np.arange(round(secs * sample_rate)) / sample_rate
    phase = 2 * np.pi * pitch * times
    sounds = {
        "sine": np.sin(phase),
        "square": np.sign(np.sin(phase)),
        "noise": generator.standard_normal(len(times)),
    }
    trembling = 1 + 0.3 * np.sin(2 * np.pi * (2 + seed % 3) * times)
    sound = sounds[timbre] * trembling + 0.01 * generator.standard_normal(len(times))
    return 0.3 * sound / np.abs(sound).max()


def write_sounds(
    root, artists=("Ann", "Bob", "Cem"), timbres=("noise", "sine", "square"), num_files=1
):
    """Writes ROOT/TIMBRE/ARTIST/NUMBER.wav, each one another sound."""
    for number, timbre in enumerate(timbres):
        for place, artist in enumerate(artists):
            folder = root / timbre / artist
            folder.mkdir(parents=True)
            for i in range(num_files):
                seed = 100 * number + 10 * place + i
                sound = tone(timbre, 0.6 + 0.1 * i, pitch=220.0 + 25 * seed % 400, seed=seed)
                soundfile.write(folder / f"{i}.wav", sound, 8000)
