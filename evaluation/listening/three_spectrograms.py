"""Draws a source as it is, as its network made it before its training, and as it makes it now.

The three are the same seconds, at the levels that they have in the track, on one scale of colours:
what is darker here is less.
"""

from matplotlib.ticker import MaxNLocator

from configs import instruments
from data_prep.audio import activity
from evaluation.document.numbers import decibels, short_number
from evaluation.document.spectrograms import Spectrogram, Spectrograms
from evaluation.listening import sounds
from evaluation.listening.clips import UNTRAINED, RecordedClip
from evaluation.listening.sounds import PictureSize, Waveform

TITLE = "What the network did before it learnt anything"
NOTE = (
    f"{TITLE} is folded beneath a clip as three spectrograms of it: the source as it is, its "
    "estimate by the same network with the random weights that its training began with, and its "
    "estimate by the network that is scored here. They share one scale in dB and show the levels "
    "of the track, which the players do not; level and SNR are those of the clip."
)
# The sounds that are drawn, in order, and what they are called.
_TITLES = {
    "reference": "the source as it is",
    UNTRAINED: "estimated before training",
    "estimate": "estimated after training",
}
# Three pictures are then less than 30 kB of a page.
_SIZE = PictureSize(width=180, height=72, num_colours=32)
_MOST_MOMENTS = 6
# Of the scale of colours; a page blends them.
_SCALE_COLOURS = 9


def draw_before_and_after(recording: RecordedClip) -> Spectrograms | None:
    """Draws the three sounds of a clip; None where it has none of the untrained network.

    Black is ``sounds.RANGE_DB`` below the brightest spot of the three.
    """
    if UNTRAINED not in recording.sounds:
        return None
    rate = recording.sample_rate
    waveforms: dict[str, Waveform] = {}
    for name in _TITLES:
        waveforms[name], _ = sounds.decode(recording.sounds[name])
    powers = {name: sounds.spectrogram(each, rate, _SIZE) for name, each in waveforms.items()}
    loudest = max(float(power.max()) for power in powers.values())
    reference = waveforms["reference"]
    secs = len(reference) / rate
    pictures = []
    for name, title in _TITLES.items():
        caption = _level(waveforms[name])
        if name != "reference":
            caption += f", SNR {decibels(float(activity.snr(reference, waveforms[name])))} dB"
        png = sounds.picture(powers[name], loudest, _SIZE)
        what = f"Spectrogram of {instruments.name_of(recording.choice.source)}, {title}"
        picture = Spectrogram(
            title=title,
            picture=sounds.data_uri(png, "image/png"),
            width=_SIZE.width,
            height=_SIZE.height,
            alternative=f"{what}: {_axes(secs, rate)}; {caption}",
            caption=caption,
        )
        pictures.append(picture)
    return Spectrograms(
        title=TITLE,
        pictures=pictures,
        frequencies=sounds.frequency_ticks(rate),
        moments=_moments(secs),
        colours=sounds.scale_colours(_SCALE_COLOURS),
        darkest=f"{decibels(-sounds.RANGE_DB, 0)} dB",
        brightest="0 dB, the brightest spot of the three",
    )


def _level(waveform: Waveform) -> str:
    level = float(activity.rms_db(waveform))
    if level < activity.INAUDIBLE_DBFS:
        return "silent"
    return f"{decibels(level)} dBFS"


def _axes(secs: float, rate: int) -> str:
    return (
        f"{short_number(round(secs, 2))} s, {short_number(sounds.MIN_HZ)} Hz to "
        f"{short_number(rate / 2000)} kHz, {sounds.RANGE_DB} dB of levels"
    )


def _moments(secs: float) -> list[tuple[str, float]]:
    """Returns moments to be named beneath a picture, each as a share of its ``secs``."""
    ticks = MaxNLocator(_MOST_MOMENTS).tick_values(0, secs)
    return [(f"{short_number(tick)} s", float(tick / secs)) for tick in ticks if tick <= secs]
