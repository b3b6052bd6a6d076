"""Writes before_after.html: what became of sounds, to see and to hear.

The page needs no other file and asks for none: waveforms are drawings in it, sounds are data in it.
"""

import base64
import io
import wave
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby, zip_longest
from pathlib import Path
from typing import NamedTuple

import jinja2
import numpy as np

from configs.splits import SPLITS
from data_prep.shots.prepared import PAGE_NAME, OneShots, Sound
from data_prep.shots.shaping import MonoWaveform
from data_prep.shots.telling import kit_lines
from data_prep.storage.files import replacing

_MOST_SOUNDS = 60
_MOST_LINES = 200
# of a sound before it was shaped
_MOST_SECS = 1.5
_WIDTH = 300
_HEIGHT = 60
_COLUMNS = 150


class Take(NamedTuple):
    """Is a sound on the page, before or after."""

    title: str
    # of the sound as it is played, a data URI
    audio: str
    # of the waveform, in the units of its drawing
    path: str
    # where the peak stands
    mark: float


def write_page(
    folder: Path, shots: OneShots, sounds_of: Callable[[Sound], tuple[MonoWaveform, MonoWaveform]]
) -> None:
    """Writes the page into a folder of one-shots.

    Args:
        folder: where it goes.
        shots: what the folder holds.
        sounds_of: returns a sound (frames,) before it was shaped, and after.
    """
    shown = []
    for sound in choose_sounds(shots.sounds):
        before, after = sounds_of(sound)
        takes = [
            _take("before", before, sound.peak_frame_before, shots.settings.sample_rate),
            _take("after", after, shots.settings.attack_frame, shots.settings.sample_rate),
        ]
        shown.append({"sound": sound, "takes": takes})
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    text = environment.get_template(f"{PAGE_NAME}.jinja").render(
        shots=shots,
        shown=shown,
        splits=SPLITS,
        counts=Counter((sound.class_name, sound.split) for sound in shots.sounds),
        classes=sorted({sound.class_name for sound in shots.sounds}),
        num_kits=len({sound.kit for sound in shots.sounds}),
        doubles=kit_lines(shots),
        most_lines=_MOST_LINES,
        secs=shots.settings.num_frames / shots.settings.sample_rate,
        width=_WIDTH,
        height=_HEIGHT,
    )
    with replacing(folder / PAGE_NAME) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")


def choose_sounds(sounds: Sequence[Sound]) -> list[Sound]:
    """Returns up to 60 sounds, from as many classes and kits as there are, class by class."""
    by_class: dict[str, list[Sound]] = {}
    for sound in sounds:
        by_class.setdefault(sound.class_name, []).append(sound)
    # Of each class one sound of every kit, then the second one of every kit, and so on.
    orders = [_one_by_one(by_class[name], key=lambda sound: sound.kit) for name in sorted(by_class)]
    turns = [sound for turn in zip_longest(*orders) for sound in turn if sound is not None]
    return sorted(turns[:_MOST_SOUNDS], key=lambda sound: (sound.class_name, sound.name))


def _one_by_one(sounds: Sequence[Sound], key: Callable[[Sound], str]) -> list[Sound]:
    """Returns sounds in an order that takes one of each group in turn."""
    in_order = sorted(sounds, key=lambda sound: (key(sound), sound.name))
    groups = [list(group) for _, group in groupby(in_order, key)]
    return [sound for turn in zip_longest(*groups) for sound in turn if sound is not None]


def _take(title: str, sound: MonoWaveform, peak_frame: int, sample_rate: int) -> Take:
    most_frames = round(_MOST_SECS * sample_rate)
    secs = len(sound) / sample_rate
    title = f"{title}, {secs:.3f} s, peak at {1000 * peak_frame / sample_rate:.1f} ms"
    if len(sound) > most_frames:
        title += f" (the first {_MOST_SECS} s)"
    sound = sound[:most_frames]
    return Take(
        title=title,
        audio=_data_uri(sound, sample_rate),
        path=_outline(sound),
        mark=round(_WIDTH * min(peak_frame / len(sound), 1), 1),
    )


def _outline(sound: MonoWaveform) -> str:
    """Returns the outline of a waveform, as an SVG path: its highest values, then its lowest."""
    bounds = np.linspace(0, len(sound), min(_COLUMNS, len(sound)) + 1).astype(int)[:-1]
    scale = max(float(np.abs(sound).max()), 1e-9)
    middle = _HEIGHT / 2
    width = _WIDTH / len(bounds)
    # Half a unit more to each side, so that silence is a line.
    highest = middle - middle * np.maximum.reduceat(sound, bounds) / scale - 0.5
    lowest = middle - middle * np.minimum.reduceat(sound, bounds) / scale + 0.5
    points = [f"{(i + 0.5) * width:.1f},{y:.1f}" for i, y in enumerate(highest)]
    points += [f"{(i + 0.5) * width:.1f},{lowest[i]:.1f}" for i in reversed(range(len(bounds)))]
    return f"M{'L'.join(points)}Z"


def _data_uri(sound: MonoWaveform, sample_rate: int) -> str:
    """Returns a sound as a wav file of 16 bits within an address."""
    peak = max(float(np.abs(sound).max()), 1.0)
    numbers = np.rint(sound * (32767 / peak)).astype("<i2")
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(numbers.tobytes())
    return f"data:audio/wav;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"
