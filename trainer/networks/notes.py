"""Lets the notes of a piece enter the features of a network, and open and close its estimates.

Notes are an array (B, N, 4) of float32, which tells frames up to 2^24 apart: onset frame, offset
frame, cents of MIDI numbers, slot. Frames count from the first one of the mixture. A note that ends
where it begins stands for none. A note of slot -1 says that nobody knows the notes: the features
stay as they are, and all estimates open.

Axes: B examples, N notes, J frames of a level, F features, K slots, T frames, C channels, H numbers
of a note. Any Keras backend.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from configs import WaveUNetSettings
from configs.geometry import PatchGeometry

UNKNOWN_SLOT = -1
UNKNOWN_NOTE = (0, 2**30, 0, UNKNOWN_SLOT)
"""Reaches into every window, and says that nobody knows the notes."""
# A note begins where a frame is at most so far from its onset.
ONSET_SECS = 0.05
# The gate opens so long before a note.
LEAD_SECS = 0.05
# Of the sines that tell a pitch (Vaswani et al., "Attention is all you need", 2017), in semitones:
# from two, which tells neighbours apart, to the range of a piano, which tells where they lie.
_PITCH_PERIODS = 2.0 * 48.0 ** (np.arange(16) / 15)
_CENTS_OF_SEMITONE = 100.0
# What is learnt of a note, H.
_NUM_NUMBERS = 64
# The gate is told every so many frames, or every stride of the network.
_GATE_STEP = 64


class NoteConditioning(keras.layers.Layer):
    """Is all that notes do in a Wave-U-Net: they modulate some levels on the way up, and gate."""

    def __init__(
        self, settings: WaveUNetSettings, num_slots: int, sample_rate: int, seeds: Iterator[int]
    ) -> None:
        """Makes a modulation for each level that ``settings`` names; ``seeds`` are of its weights.

        Args:
            settings: of the network.
            num_slots: K.
            sample_rate: of the mixture, in Hz.
            seeds: those of the first values of each matrix.
        """
        super().__init__(name="notes", dtype="float32", autocast=False)
        self._settings = settings
        self._num_slots = num_slots
        self._sample_rate = sample_rate
        self.levels = settings.timed_levels(sample_rate)
        self.modulations = [
            NoteModulation(
                num_slots,
                hears_pitch=settings.timing == "notes",
                onset_frames=ONSET_SECS * sample_rate,
                seeds=seeds,
                name=f"level_{level}",
                dtype="float32",
            )
            for level in self.levels
        ]

    def build(self) -> None:
        """Makes the weights of all levels; level i has i times the features of the first."""
        for level, layer in zip(self.levels, self.modulations, strict=True):
            layer.build((None, None, self._settings.num_filters * level))
        self.built = True

    def tell(self, level: int, notes: Any, window: PatchGeometry) -> Callable[[Any], Any]:
        """Returns what modulates the features (B, J, F) that leave a level of a patch.

        Args:
            level: one of ``levels``.
            notes: (B, N, 4).
            window: the patch.
        """
        layer = self.modulations[self.levels.index(level)]
        # A frame of the level every 2^(level - 1) frames of the mixture.
        places = 2 ** (level - 1) * np.arange(window.decoder_frames(level))
        frames = np.float32(window.decoder_offset(level) + places)
        return lambda features: layer(features, notes, frames)

    def gate(self, notes: Any, num_frames: int) -> Any:
        """Returns how far each slot is open at each frame of an estimate, (B, K, T)."""
        geometry = self._settings.geometry()
        return gate_by_time(
            notes,
            self._num_slots,
            first=geometry.margin_frames,
            num_frames=num_frames,
            # It divides the stride: all windows of a track tell the gate at the same frames.
            step=min(_GATE_STEP, geometry.stride_frames),
            before=LEAD_SECS * self._sample_rate,
            behind=self._settings.gate_release_secs * self._sample_rate,
        )


class NoteModulation(keras.layers.Layer):
    """Scales and shifts features by what sounds: h (1 + W z) + V z, (B, J, F) -> (B, J, F).

    z says of each frame of the level and each slot whether one of its notes sounds and whether one
    begins; with pitches it also has the sum of what two layers learn of each note that sounds, from
    its slot and from sines of its pitch. Rests, and notes that nobody knows, have a z of zeros and
    change nothing. All are products of matrices of fixed sizes; at no rate is there a row for each
    pitch. W and V begin as zeros, so that a training begins as one without notes: with random ones
    it had learnt less after 500 steps than one that is told nothing.
    """

    def __init__(
        self,
        num_slots: int,
        hears_pitch: bool,
        onset_frames: float,
        seeds: Iterator[int],
        **kw: Any,
    ) -> None:
        """Describes the layer.

        Args:
            num_slots: K.
            hears_pitch: whether z tells which note sounds.
            onset_frames: by which a frame may be off the onset of a note that begins there.
            seeds: those of the first values of each matrix.
            **kw: of a Keras layer.
        """
        # Frames are not rounded to the dtype of the features.
        super().__init__(autocast=False, **kw)
        self._num_slots = num_slots
        self._hears_pitch = hears_pitch
        self._onset_frames = onset_frames
        self._seeds = seeds

    def build(self, features_shape: tuple[int | None, int | None, int]) -> None:
        """Makes W and V, and with pitches the layers that hear what a note is."""
        size = 2 * self._num_slots
        if self._hears_pitch:
            inputs = self._num_slots + 2 * len(_PITCH_PERIODS)
            self.first = self._add_matrix((inputs, _NUM_NUMBERS), "first")
            self.second = self._add_matrix((_NUM_NUMBERS, _NUM_NUMBERS), "second")
            size += _NUM_NUMBERS
        # (Z, F)
        shape = (size, features_shape[-1])
        self.scale = self.add_weight(shape=shape, initializer="zeros", name="scale")
        self.shift = self.add_weight(shape=shape, initializer="zeros", name="shift")
        self.built = True

    def _add_matrix(self, shape: tuple[int, int], name: str) -> Any:
        initializer = keras.initializers.GlorotUniform(next(self._seeds))
        return self.add_weight(shape=shape, initializer=initializer, name=name)

    def call(self, features: Any, notes: Any, frames: Any) -> Any:
        """Returns the modulated features, (B, J, F).

        Args:
            features: (B, J, F).
            notes: (B, N, 4).
            frames: of the mixture, on which the J frames of the level are centred, (J,).
        """
        told = self._tell(notes, frames)
        # (B, J, Z) (Z, F) -> (B, J, F)
        scale = ops.cast(ops.matmul(told, self.scale), features.dtype)
        shift = ops.cast(ops.matmul(told, self.shift), features.dtype)
        return features * (1 + scale) + shift

    def _tell(self, notes: Any, frames: Any) -> Any:
        """Returns z, (B, J, 2 K) or (B, J, 2 K + H)."""
        slots = slots_of(notes, self._num_slots)
        sounds = sounding(notes, frames)
        near = self._onset_frames
        begins = _within(frames, notes[:, :, 0] - near, notes[:, :, 0] + near)
        # (B, J, N) (B, N, K) -> (B, J, K): 1 where at least one note of the slot does.
        told = [
            ops.minimum(ops.matmul(sounds, slots), 1.0),
            ops.minimum(ops.matmul(begins, slots), 1.0),
        ]
        if self._hears_pitch:
            # (B, N, K + 2 I) -> (B, N, H)
            x = ops.concatenate([slots, _pitches_of(notes)], axis=2)
            x = ops.relu(ops.matmul(x, self.first))
            x = ops.relu(ops.matmul(x, self.second))
            # Those of an unknown slot are no notes.
            known = ops.sum(slots, axis=2, keepdims=True)
            told.append(ops.matmul(sounds, x * known))
        return ops.concatenate(told, axis=2)


def slots_of(notes: Any, num_slots: int) -> Any:
    """Returns 1 for the slot of each note, zeros where it is unknown or there is no note.

    (B, N, 4) -> (B, N, K).
    """
    slots = notes[:, :, 3:4]
    lasts = ops.cast(notes[:, :, 1:2] > notes[:, :, 0:1], "float32")
    return ops.cast(slots == np.arange(num_slots, dtype=np.float32), "float32") * lasts


def sounding(notes: Any, frames: Any, before: float = 0.0, behind: float = 0.0) -> Any:
    """Returns 1 where a note sounds in a frame, or is so near: (B, N, 4), (J,) -> (B, J, N)."""
    return _within(frames, notes[:, :, 0] - before, notes[:, :, 1] + behind)


def is_unknown(notes: Any) -> Any:
    """Returns 1 for examples whose notes nobody knows, (B, N, 4) -> (B,)."""
    return ops.cast(ops.any(notes[:, :, 3] == UNKNOWN_SLOT, axis=1), "float32")


def gate_by_time(
    notes: Any, num_slots: int, first: int, num_frames: int, step: int, before: float, behind: float
) -> Any:
    """Returns how far each slot is open at each frame, from 0 to 1, (B, K, T).

    Args:
        notes: (B, N, 4).
        num_slots: K.
        first: of the frames, counted as those of the notes.
        num_frames: T.
        step: of the frames at which it is told; between two of them it goes straight.
        before: by how many frames a slot opens before each of its notes.
        behind: and how many it stays open behind it.
    """
    num_steps = -(-num_frames // step)
    frames = np.float32(first + step * np.arange(num_steps + 1))
    open_notes = sounding(notes, frames, before, behind)
    # (B, J, N) (B, N, K) -> (B, K, J)
    counts = ops.matmul(open_notes, slots_of(notes, num_slots))
    is_open = ops.transpose(ops.minimum(counts, 1.0), (0, 2, 1))
    is_open = ops.maximum(is_open, is_unknown(notes)[:, None, None])
    # (B, K, J, 1) and (step,) -> (B, K, J step)
    begin = is_open[:, :, :-1, None]
    rise = is_open[:, :, 1:, None] - begin
    between = begin + rise * np.float32(np.arange(step) / step)
    gate = ops.reshape(between, (-1, num_slots, num_steps * step))
    return gate[:, :, :num_frames]


def _within(frames: Any, begins: Any, ends: Any) -> Any:
    """Returns 1 where begin <= frame < end: (J,), (B, N), (B, N) -> (B, J, N)."""
    places = frames[None, :, None]
    inside = ops.logical_and(places >= begins[:, None, :], places < ends[:, None, :])
    return ops.cast(inside, "float32")


def _pitches_of(notes: Any) -> Any:
    """Returns sines and cosines of the pitch of each note, (B, N, 4) -> (B, N, 2 I)."""
    semitones = notes[:, :, 2:3] / _CENTS_OF_SEMITONE
    angles = semitones * np.float32(2 * np.pi / _PITCH_PERIODS)
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=2)
