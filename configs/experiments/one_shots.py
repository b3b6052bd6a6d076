r"""Holds networks that make single sounds, such as drums: one for a laptop, one for maps, a table.

    python -m data_prep.one_shots --root=KITS --out=one_shots/drums
    python -m data_prep.write --config=one_shots --corpus=one_shots --root=one_shots/drums \
        --out=records/drums
    python -m trainer.task --config=one_shots --records=records/drums --workdir=runs/drums

``one_shots`` is variational, its sounds follow 16 numbers; ``one_shots_map`` has two, so that all
of them fit on a map; ``one_shots_wavegan`` is taught by a critic, small enough for a laptop.

The fourteen others are those of an earlier system of this family, at its sizes: 44.1 kHz, 16,384
frames with the peak at 0.1 s. Nine dense autoencoders of three sizes and three activations, one of
convolutions, one with a critic, and three variational ones, whose weights of the divergence come
after a ramp of 30,000 steps.
"""

from dataclasses import replace

from configs.generator import GenerationSettings, GeneratorSettings
from configs.schema import Audio, Config, Data
from configs.training import Train

ONE_SHOTS = Config(
    name="one_shots",
    audio=Audio(sample_rate=16_000, channels=1),
    # Sounds have classes, and no sources; each is one record.
    data=Data(
        sources=("drums",),
        splits="official",
        excerpt_secs=10.0,
        context_frames=0,
        encoding="float32",
    ),
    model=GeneratorSettings(body="dense"),
    task=GenerationSettings(),
    train=Train(
        steps=1500,
        batch_size=32,
        learning_rate=1e-3,
        schedule="cosine",
        warmup_steps=50,
        clip_norm=1.0,
        steps_per_call=50,
        checkpoint_steps=250,
        validation_steps=250,
    ),
)

ONE_SHOTS_MAP = replace(
    ONE_SHOTS, name="one_shots_map", model=GeneratorSettings(body="dense", latents=2)
)

_ADVERSARIAL = Train(
    steps=2000,
    batch_size=16,
    learning_rate=1e-4,
    beta_1=0.5,
    beta_2=0.9,
    steps_per_call=10,
    checkpoint_steps=100,
    validation_steps=100,
)
ONE_SHOTS_WAVEGAN = replace(
    ONE_SHOTS,
    name="one_shots_wavegan",
    model=GeneratorSettings(filters=8, latents=100),
    task=GenerationSettings(method="adversarial", prior="uniform"),
    train=_ADVERSARIAL,
)

# What the earlier system had in common.
_EARLIER = replace(
    ONE_SHOTS,
    name="earlier",
    audio=Audio(sample_rate=44_100, channels=1),
    model=GeneratorSettings(num_frames=16_384, latents=2, body="dense", hears="waveform"),
    task=GenerationSettings(method="autoencoder", attack_secs=0.1),
    train=Train(
        steps=20_000,
        batch_size=32,
        learning_rate=1e-3,
        steps_per_call=100,
        checkpoint_steps=1000,
        validation_steps=1000,
    ),
)
_SIZES = {"small": (9,), "middle": (96, 24), "large": (384, 96, 24)}
_DENSE = tuple(
    replace(
        _EARLIER,
        name=f"one_shots_dense_{size}_{activation}",
        model=GeneratorSettings(
            num_frames=16_384,
            latents=2,
            body="dense",
            units=units,
            activation=activation,
            hears="waveform",
        ),
    )
    for size, units in _SIZES.items()
    for activation in ("relu", "tanh", "sigmoid")
)
_CONVOLUTIONS = GeneratorSettings(num_frames=16_384, latents=2, filters=64, hears="waveform")
_CONVOLUTIONAL = replace(_EARLIER, name="one_shots_convolutional", model=_CONVOLUTIONS)
# WaveGAN at its published size.
_WAVEGAN = replace(
    _EARLIER,
    name="one_shots_wavegan_64",
    model=GeneratorSettings(num_frames=16_384, latents=100, filters=64),
    task=GenerationSettings(method="adversarial", prior="uniform", attack_secs=0.1),
    train=replace(_ADVERSARIAL, steps=200_000, batch_size=64, checkpoint_steps=1000),
)
_VARIATIONAL = tuple(
    replace(
        _EARLIER,
        name=f"one_shots_variational_{name}",
        model=_CONVOLUTIONS,
        task=GenerationSettings(attack_secs=0.1, kl=weight, kl_ramp_steps=30_000),
        train=replace(_EARLIER.train, steps=60_000),
    )
    for name, weight in {"strong": 0.01, "middle": 0.001, "weak": 0.0001}.items()
)

CONFIGS = (
    ONE_SHOTS,
    ONE_SHOTS_MAP,
    ONE_SHOTS_WAVEGAN,
    *_DENSE,
    _CONVOLUTIONAL,
    _WAVEGAN,
    *_VARIATIONAL,
)
