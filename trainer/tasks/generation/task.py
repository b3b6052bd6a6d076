"""Is generation as the loop sees it: networks, examples, objectives, validation, summaries.

Axes: B sounds, T frames, C channels, Z numbers of a sound, U updates of the critic.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import tensorflow as tf

from configs import Config, GenerationSettings, GeneratorSettings
from data_prep.records.manifest import Manifest
from data_prep.runtime.quantities import pluralized
from trainer.batches.excerpts import load_excerpts
from trainer.loop.protocol import (
    Description,
    Figure,
    Learnt,
    Networks,
    Number,
    Objective,
    Shown,
    Sound,
    Spectrograms,
    Weights,
)
from trainer.loop.workdir import load_run
from trainer.networks.generator.network import Generator
from trainer.tasks.generation import step
from trainer.tasks.generation.distances import (
    Levels,
    log_spectral_distances,
    median_distance,
    spectral_levels,
    squared_mmd,
)
from trainer.tasks.generation.making import Latents, Maker, is_active
from trainer.tasks.generation.sounds import (
    RecordSounds,
    Sounds,
    load_sounds,
    require_one_shots,
)
from trainer.tasks.learnt import read_learnt

# Of each kind in TensorBoard.
_NUM_SHOWN = 4
_PAUSE_SECS = 0.2
_RINGS = (
    "warning: task.mse alone judges waveforms frame by frame, of which noise is never foreseen: "
    "sounds come back that ring, and are too soft. Levels in time and frequency (task.stft) do not."
)


class GenerationTask:
    """Learns to make one-shots (trainer.loop.protocol.Task)."""

    def __init__(self, config: Config, manifest: Manifest, folder: str) -> None:
        """Reads the training sounds; ``ValueError`` where they do not fit the experiment."""
        manifest.require(config, folder)
        require_one_shots(config, manifest, folder)
        assert isinstance(config.task, GenerationSettings)
        assert isinstance(config.model, GeneratorSettings)
        self._config = config
        self._manifest = manifest
        self._folder = folder
        self._settings = config.task
        self._model = config.model
        if self._settings.method == "encoder" and not config.train.begin_from:
            raise ValueError(
                "task.method=encoder learns to hear what another run makes; name that run with "
                "train.begin_from."
            )
        self._tell_of_validation()
        terms = (self._settings.stft, self._settings.relative)
        if not any(terms) and not self._settings.compares_no_sounds:
            print(_RINGS, flush=True)
        excerpts = load_excerpts(manifest, folder, "train", config.train.cache)
        self._sounds = RecordSounds(excerpts, config.model.num_frames)

    def _tell_of_validation(self) -> None:
        """Says so where there is nothing to validate with."""
        num_sounds = len(self._manifest.tracks("valid"))
        least = 2 if self._settings.method == "adversarial" else 1
        if num_sounds >= least:
            return
        found = "no validation sounds"
        if num_sounds:
            found = "one validation sound, and sets are compared from two on"
        print(
            f"The records have {found}: no best checkpoint is kept, and nothing stops early.",
            flush=True,
        )

    def read_learnt(self) -> Learnt:
        """Reads what the run of ``train.begin_from`` has learnt.

        Raises:
            ValueError: an encoder is to hear it, and its numbers by dice have another law.
        """
        workdir = self._config.train.begin_from
        if self._settings.method == "encoder":
            self._require_same_dice(workdir)
        return read_learnt(workdir)

    def _require_same_dice(self, workdir: str) -> None:
        theirs = load_run(workdir).config.task
        found = getattr(theirs, "prior", f"none, it has task.kind={theirs.kind}")
        if found != self._settings.prior:
            raise ValueError(
                f"task.prior is {self._settings.prior}, that of {workdir} is {found}; an encoder "
                f"hears what a run makes of its own dice: set task.prior, or name another run."
            )

    def make_networks(self) -> Networks:
        """Makes the network, and the critic where one teaches it."""
        return step.make_networks(self._config)

    def make_objectives(self, networks: Networks) -> Sequence[Objective]:
        """Makes the objectives of the method."""
        return step.make_objectives(self._config, networks)

    def make_examples(self, start_step: int) -> tf.data.Dataset:
        """Makes the examples of all steps from ``start_step`` on, in order, not batched."""
        settings = self._config.train
        first, stop = (n * settings.batch_size for n in (start_step, settings.steps))
        make = self._draw_returning
        if self._settings.method == "adversarial":
            make = self._draw_judged
        elif self._settings.method == "encoder":
            make = self._draw_latents
        numbers = tf.data.Dataset.range(first, stop)
        return numbers.map(make, num_parallel_calls=tf.data.AUTOTUNE)

    def validate(self, weights: Weights) -> Sequence[Figure]:
        """Measures how far validation sounds are from how they come back, in dB, as means.

        Of sounds that a critic taught, which hears none: how far the set of drawn ones is from the
        set of validation sounds, from two on. Nothing without validation sounds.
        """
        if not len(self._asked):
            return []
        maker = self._maker_with(weights)
        if not maker.hears:
            # One sound has no distance to another one.
            if len(self._asked) < 2:
                return []
            drawn = spectral_levels(maker.make(self._drawn(maker)))
            # In thousandths, since it is a small number.
            value = 1000 * squared_mmd(drawn, self._asked_levels, self._bandwidth)
            return [Figure("mmd", value, "thousandths", higher_is_better=False)]
        latents = maker.hear(self._asked)
        back = spectral_levels(maker.make(latents))
        distance = float(log_spectral_distances(self._asked_levels, back).mean())
        active = float(is_active(latents).sum())
        return [
            Figure("lsd", distance, "dB", higher_is_better=False),
            Figure("active_numbers", active),
        ]

    def show(self, weights: Weights) -> Iterable[Shown]:
        """Lets people hear validation sounds, how they come back, and sounds by dice."""
        if not len(self._asked):
            return []
        return self._iter_shown(self._maker_with(weights))

    def describe(self) -> Description:
        """Says what sounds are made, by what, and how many there are to learn from."""
        model = self._model
        rate = self._config.audio.sample_rate
        num_sounds = len(self._manifest.tracks("train"))
        settings = self._config.train
        updates = self._settings.critic_updates if self._settings.method == "adversarial" else 1
        num_epochs = settings.steps * settings.batch_size * updates / num_sounds
        networks = step.make_networks(self._config)
        sizes = [f"{name} {each.count_params():,}" for name, each in networks.items()]
        return Description(
            rows={
                "sound": f"{model.num_frames:,} frames, {model.num_frames / rate:.3g} s, of "
                f"{pluralized(model.latents, 'number')}",
                "method": f"{self._settings.method}, {model.body}",
                "parameters": ", ".join(sizes),
                "records": f"{pluralized(num_sounds, 'training sound')}; the run is "
                f"{num_epochs:,.1f} epochs",
            },
            step_flops=settings.batch_size * step.example_flops(self._config, networks),
            suspect="task.kl",
            # Noise never comes back as it was, and numbers that vary have a price.
            learnt_share=0.3,
        )

    def _seed(self, number: tf.Tensor) -> tf.Tensor:
        return tf.stack([tf.constant(self._config.train.seed, tf.int64), number])

    def _draw_returning(self, number: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Draws a sound that is to come back, and noise for its numbers."""
        seeds = tf.unstack(tf.random.split(self._seed(number), 2))
        of_step = tf.cast(number // self._config.train.batch_size, tf.float32)
        ramp_steps = self._settings.kl_ramp_steps
        ramp = tf.minimum(of_step / max(ramp_steps, 1), 1.0) if ramp_steps else tf.ones([])
        return {
            "sounds": self._sounds.draw(1, seeds[0])[0],
            "noise": tf.random.stateless_normal([self._model.latents], seeds[1]),
            "ramp": ramp,
        }

    def _draw_judged(self, number: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Draws what a critic hears in a step, and numbers of the sounds that it is shown."""
        shapes = step.batch_shapes(self._config, 1)
        seeds = tf.unstack(tf.random.split(self._seed(number), 3))
        # All examples of a step have the same shifts.
        of_step = self._seed(-1 - number // self._config.train.batch_size)
        radius = self._settings.phase_shuffle
        shifts = tf.random.stateless_uniform(
            shapes["shifts"][1:], of_step, -radius, radius + 1, tf.int32
        )
        return {
            "sounds": self._sounds.draw(self._settings.critic_updates, seeds[0]),
            "latents": self._dice(shapes["latents"][1:], seeds[1]),
            "between": tf.random.stateless_uniform(shapes["between"][1:], seeds[2]),
            "shifts": tf.cast(shifts, tf.float32),
        }

    def _draw_latents(self, number: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Draws the numbers of a sound that is to be heard."""
        return {"latents": self._dice((self._model.latents,), self._seed(number))}

    def _dice(self, shape: Sequence[int], seed: tf.Tensor) -> tf.Tensor:
        """Draws numbers by the law of ``task.prior``."""
        if self._settings.prior == "uniform":
            return tf.random.stateless_uniform(shape, seed, -1.0, 1.0)
        return tf.random.stateless_normal(shape, seed)

    @cached_property
    def _asked(self) -> Sounds:
        """Holds the validation sounds, (N, T)."""
        _, sounds = load_sounds(self._manifest, self._folder, "valid")
        return sounds

    @cached_property
    def _asked_levels(self) -> Levels:
        return spectral_levels(self._asked)

    @cached_property
    def _bandwidth(self) -> float:
        return median_distance(self._asked_levels)

    def _drawn(self, maker: Maker) -> Latents:
        """Draws the same numbers in each validation."""
        known = None
        if self._settings.method == "autoencoder":
            known = maker.hear(self._asked)
        return maker.draw(self._settings.validation_sounds, self._config.train.seed, known)

    @cached_property
    def _maker(self) -> Maker:
        """Has a network of its own: that which trains may be spread over devices."""
        network = step.make_networks(self._config)[step.GENERATOR]
        assert isinstance(network, Generator)
        return Maker(self._config, network)

    def _maker_with(self, weights: Weights) -> Maker:
        self._maker.network.set_weights(weights[step.GENERATOR])
        return self._maker

    def _iter_shown(self, maker: Maker) -> Iterator[Shown]:
        rate = self._config.audio.sample_rate
        pause = round(_PAUSE_SECS * rate)
        num_shown = min(_NUM_SHOWN, len(self._asked))

        def in_a_row(sounds: Sounds) -> Sounds:
            """Lays sounds behind each other, (T, 1)."""
            return np.pad(sounds, [(0, 0), (0, pause)]).reshape(-1, 1)

        rows = {"by_dice": in_a_row(maker.make(self._drawn(maker)[:num_shown]))}
        if maker.hears:
            latents = maker.hear(self._asked)
            rows = {
                "validation": in_a_row(self._asked[:num_shown]),
                "come_back": in_a_row(maker.make(latents[:num_shown])),
                **rows,
            }
            for number, spread in enumerate(latents.std(axis=0)[:_NUM_SHOWN]):
                yield Number(f"spread_{number}", float(spread))
        for name, waveform in rows.items():
            yield Sound(name, waveform, rate)
        yield Spectrograms("sounds", rows, rate)


def make_task(config: Config, manifest: Manifest, folder: str) -> GenerationTask:
    """Makes the task; ``ValueError`` where the records do not fit the experiment."""
    return GenerationTask(config, manifest, folder)
