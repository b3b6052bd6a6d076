"""Defines what one record holds, how it is written and how it is read.

A record is a ``tf.train.Example``. Audio is raw little-endian bytes in time-major order (T, C),
int16 with one scale per waveform or float32; a value times its scale is the sample. Silent sources
are not stored.

    format_version        FORMAT_VERSION
    audio/file_basename   name of the track
    audio/sample_rate     frames per second
    audio/sample_idx      first owned frame of the track
    audio/num_samples     owned frames
    audio/context_before  frames stored before the first owned one
    audio/channels        channels of every waveform
    audio/labels          of every instrument of the vocabulary 1 where it has a part in the piece,
                          0 where it has none, -1 where nobody knows, shape (K,)
    audio/grades          of every instrument how much there is of it, from 0 to 1, or -1 where
                          nobody knows, shape (K,); empty, or not there: the labels
    audio/num_sources     stored sources, S
    audio/source_names    their names, shape (S,)
    audio/mixture         bytes of the mixture
    audio/encoded         bytes of each stored source, shape (S,)
    audio/scale           scale of the mixture, then of each stored source, shape (1 + S,)
    audio/tags            words for the piece
    audio/notes           onset frame, offset frame, pitch in cents of MIDI numbers and slot of
                          every note that sounds in the stored frames, counted in the track,
                          shape (4 N,)
    audio/context         a vector for every slot from another modality, zeros where there is none,
                          shape (K D,); empty: of none

Labels are a field of their own: a record may have no sources, and tags, notes and context, or none.
Records of version 1 have no tags, notes and context, and no label of -1.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs import instruments
from data_prep.audio.activity import peak
from data_prep.audio.tracks import Waveform
from data_prep.records.annotation_fields import (
    context_from,
    context_numbers,
    grade_numbers,
    grades_from,
    label_numbers,
    note_numbers,
    notes_from,
)
from data_prep.records.excerpts import Excerpt
from data_prep.records.wire_format import waveform_offsets
from data_prep.runtime.tensorflow_errors import reason

FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)
_INT16_PEAK = 32767


class Layout(NamedTuple):
    """Holds what all records of one manifest have in common."""

    sample_rate: int
    channels: int
    # This is the vocabulary, in the order of the slots.
    sources: tuple[str, ...]
    encoding: str
    format_version: int = FORMAT_VERSION

    @property
    def frame_bytes(self) -> int:
        """Returns the bytes of a stored frame, all channels together."""
        return self.channels * np.dtype(self.encoding).itemsize


class Record(NamedTuple):
    """Holds one parsed record.

    Its audio is as stored: a value times the scale of its waveform is the sample. Wherever there is
    an entry for each waveform, that of the mixture is the first.
    """

    track: str
    start: int
    owned_frames: int
    context_before: int
    # (K,), 1 for the instruments of the piece, 0 for others, -1 where nobody knows.
    labels: NDArray[np.float32]
    # (K,), from 0 to 1, -1 where nobody knows: the labels, or numbers between.
    grades: NDArray[np.float32]
    # (S,), the slot of each stored source.
    slots: NDArray[np.int64]
    # (T, C)
    mixture: NDArray[Any]
    # (S, T, C)
    sources: NDArray[Any]
    # (1 + S,)
    scales: NDArray[np.float32]
    # (1 + S,), where the first byte of each waveform lies.
    addresses: NDArray[np.int64]
    tags: tuple[str, ...]
    # (N, 4): onset frame, offset frame, cents, slot.
    notes: NDArray[np.int32]
    # (K, D), D of 0 where there is none.
    context: NDArray[np.float32]

    def owned(self) -> slice:
        """Returns where the owned frames lie among the stored ones."""
        return slice(self.context_before, self.context_before + self.owned_frames)

    def label_names(self, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
        """Returns the instruments of the piece, in the order of the vocabulary."""
        pairs = zip(vocabulary, self.labels, strict=True)
        return tuple(name for name, label in pairs if label == 1)

    def unknown_names(self, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
        """Returns the instruments of which nobody knows whether they play."""
        pairs = zip(vocabulary, self.labels, strict=True)
        return tuple(name for name, label in pairs if label == -1)


def encode(excerpt: Excerpt, layout: Layout) -> bytes:
    """Returns an excerpt as the bytes of one record.

    Raises:
        ValueError: a label is not in the vocabulary.
    """
    # Imported where it is used: that takes seconds, and a refused command must not wait for it.
    import tensorflow as tf

    said = excerpt.annotations
    waveforms = [excerpt.mixture, *excerpt.sources.values()]
    stored = [_to_bytes(waveform, layout.encoding) for waveform in waveforms]
    audio = [values for values, _ in stored]
    scales = [scale for _, scale in stored]
    ints = {
        "format_version": (FORMAT_VERSION,),
        "audio/sample_rate": (excerpt.sample_rate,),
        "audio/sample_idx": (excerpt.start,),
        "audio/num_samples": (excerpt.owned_frames,),
        "audio/context_before": (excerpt.context_before,),
        "audio/channels": (layout.channels,),
        "audio/labels": label_numbers(said, layout.sources),
        "audio/num_sources": (len(excerpt.sources),),
        "audio/notes": note_numbers(said, layout.sources),
    }
    strings = {
        "audio/file_basename": (excerpt.track.encode(),),
        "audio/source_names": [name.encode() for name in excerpt.sources],
        "audio/mixture": audio[:1],
        "audio/encoded": audio[1:],
        "audio/tags": [tag.encode() for tag in said.tags],
    }
    floats = {
        "audio/scale": scales,
        "audio/context": context_numbers(said, layout.sources),
    }
    grades = grade_numbers(said, layout.sources)
    if grades:
        floats["audio/grades"] = grades
    # The message is filled in place: one that is given to the constructor of another is copied
    # whole, audio and all.
    example = tf.train.Example()
    features = example.features.feature
    for name, numbers in ints.items():
        features[name].int64_list.value.extend(numbers)
    for name, texts in strings.items():
        features[name].bytes_list.value.extend(texts)
    for name, values in floats.items():
        features[name].float_list.value.extend(values)
    # Without a fixed order of the features the same corpus would not always give the same bytes.
    return example.SerializeToString(deterministic=True)


def parse(serialized: bytes, layout: Layout, address: int = 0) -> Record:
    """Returns the record that ``encode`` wrote; ``address`` is where its first byte lies.

    Raises:
        ValueError: the bytes are not a record of this format version and layout, or do not fit
            together.
    """
    import tensorflow as tf

    try:
        features = tf.io.parse_single_example(serialized, _feature_spec(len(layout.sources)))
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(f"not a record of {len(layout.sources)} slots: {reason(error)}") from error
    _require_header(features, layout)
    # (T * C,) and (S, T * C)
    mixture = _decode(features["audio/mixture"], layout)
    sources = _decode(features["audio/encoded"], layout)
    names = [name.decode() for name in features["audio/source_names"].numpy()]
    if mixture.size % layout.channels or sources.size != len(names) * mixture.size:
        raise ValueError(f"the record's {len(names)} sources and its mixture do not fit in length.")
    num_frames = mixture.size // layout.channels
    offsets = waveform_offsets(serialized, mixture.nbytes, 1 + len(names))
    labels = features["audio/labels"].numpy().astype(np.float32)
    record = Record(
        track=features["audio/file_basename"].numpy().decode(),
        start=int(features["audio/sample_idx"]),
        owned_frames=int(features["audio/num_samples"]),
        context_before=int(features["audio/context_before"]),
        labels=labels,
        grades=grades_from(features["audio/grades"].numpy(), labels),
        slots=np.array([instruments.slot_of(name, layout.sources) for name in names], np.int64),
        mixture=mixture.reshape(num_frames, layout.channels),
        sources=sources.reshape(len(names), num_frames, layout.channels),
        scales=features["audio/scale"].numpy(),
        addresses=address + np.array(offsets, np.int64),
        tags=tuple(tag.decode() for tag in features["audio/tags"].numpy()),
        notes=notes_from(features["audio/notes"].numpy(), len(layout.sources)),
        context=context_from(features["audio/context"].numpy(), len(layout.sources)),
    )
    _require_sound(record)
    return record


def _require_header(features: dict[str, Any], layout: Layout) -> None:
    """Compares what a record says of itself with what the manifest says of all records."""
    expected = {
        "format_version": layout.format_version,
        "audio/sample_rate": layout.sample_rate,
        "audio/channels": layout.channels,
        "audio/num_sources": len(features["audio/source_names"]),
    }
    for name, value in expected.items():
        if int(features[name]) != value:
            raise ValueError(
                f"the record's {name} is {int(features[name])}, expected {value}; "
                f"write the records again."
            )


def _require_sound(record: Record) -> None:
    """Refuses values that no record may have, whoever wrote it."""
    owned = record.owned()
    num_scales = len(record.scales)
    num_waveforms = 1 + len(record.slots)
    if not 0 <= owned.start <= owned.stop <= len(record.mixture):
        raise ValueError(f"the record owns frames beyond the {len(record.mixture)} it stores.")
    if num_scales != num_waveforms:
        raise ValueError(f"the record has {num_scales} scales for {num_waveforms} waveforms.")
    if not np.isfinite(record.scales).all():
        raise ValueError("the record has a scale that is no finite number.")
    is_repeated = len(set(record.slots.tolist())) < len(record.slots)
    if is_repeated or not np.isin(record.labels, (-1, 0, 1)).all():
        raise ValueError("the record names a source twice, or has labels other than 0, 1 and -1.")


def _decode(audio: Any, layout: Layout) -> NDArray[Any]:
    """Returns the values of waveforms: strings (...) -> numbers (..., T * C)."""
    import tensorflow as tf

    try:
        return tf.io.decode_raw(audio, layout.encoding).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(f"its audio is not {layout.encoding}: {reason(error)}") from error


def _to_bytes(waveform: Waveform, encoding: str) -> tuple[bytes, float]:
    """Returns a waveform (T, C) as stored, and its scale: a value times that is the sample."""
    if encoding != "int16":
        return waveform.astype("<f4").tobytes(), 1.0
    # Silence has a scale of 1: it stays silent, and nothing is divided by 0.
    scale = peak(waveform) / _INT16_PEAK or 1.0
    values = waveform / np.float32(scale)
    np.rint(values, out=values)
    return values.astype("<i2").tobytes(), scale


def _feature_spec(num_slots: int) -> dict[str, Any]:
    """Returns the types and shapes of the features of a record."""
    import tensorflow as tf

    one_int = tf.io.FixedLenFeature([], tf.int64)
    one_string = tf.io.FixedLenFeature([], tf.string)
    # A record may store no source: what is missing is an empty list.
    many_strings = tf.io.FixedLenSequenceFeature([], tf.string, allow_missing=True)
    many_floats = tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True)
    return {
        "format_version": one_int,
        "audio/file_basename": one_string,
        "audio/sample_rate": one_int,
        "audio/sample_idx": one_int,
        "audio/num_samples": one_int,
        "audio/context_before": one_int,
        "audio/channels": one_int,
        "audio/labels": tf.io.FixedLenFeature([num_slots], tf.int64),
        "audio/grades": many_floats,
        "audio/num_sources": one_int,
        "audio/source_names": many_strings,
        "audio/mixture": one_string,
        "audio/encoded": many_strings,
        "audio/scale": many_floats,
        "audio/tags": many_strings,
        "audio/notes": tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True),
        "audio/context": many_floats,
    }
