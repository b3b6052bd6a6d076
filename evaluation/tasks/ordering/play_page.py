"""Makes the page of sounds that excite features: to be heard, not to be believed."""

from collections.abc import Iterable

import numpy as np

from configs import Config
from data_prep.runtime.quantities import pluralized
from evaluation.document.parts import Block, Cell, Clip, Clips, Code, Document, Section, Take, Text
from evaluation.listening import sounds
from evaluation.tasks.ordering.excitation import Excited
from evaluation.tasks.ordering.scores import Floats

# Of clips of music, beside which a sound stands.
_PERCENTILES = (50.0, 99.0)


def make_document(
    config: Config, step: int, excited: Iterable[Excited], of_music: Floats, command: str
) -> Document:
    """Makes everything that the page says.

    Args:
        config: of the run.
        step: of its checkpoint.
        excited: the sounds of each feature.
        of_music: the features of clips of music, (clips, D).
        command: that made the page.
    """
    clips = [_clip(each, of_music[:, each.feature], config.audio.sample_rate) for each in excited]
    lead = "Sounds that excite single features of a network, made for play."
    note = (
        "Noise was changed until a feature of the network was as high as it gets, at the same "
        "power. What such sounds are like says little of what the network listens for in music, "
        f"and nothing of how well it does. Beside each stands what {len(of_music):,} clips of "
        "music have, their median and their 99th percentile."
    )
    head: list[Block] = [Text(lead, "lead"), Text(note, "note")]
    subtitle = f"Feature play · step {step:,} · {pluralized(len(clips), 'feature')}"
    sections = [
        Section("sounds", "Sounds", "Sounds", [Clips("Features", clips)]),
        Section("origin", "Where it comes from", "Origin", [Code(command)]),
    ]
    return Document(config.name, subtitle, head, sections)


def _clip(excited: Excited, of_music: Floats, sample_rate: int) -> Clip:
    (gain, *_) = sounds.match_levels(list(excited.sounds))
    powers = [sounds.spectrogram(each, sample_rate) for each in excited.sounds]
    loudest = max(float(power.max()) for power in powers)
    takes = []
    for number, (sound, power) in enumerate(zip(excited.sounds, powers, strict=True), start=1):
        encoded = sounds.encode(sound, gain, sample_rate)
        drawn = sounds.picture(power, loudest)
        take = Take(
            name=f"sound {number}",
            sound=sounds.data_uri(encoded.flac, "audio/flac"),
            picture=sounds.data_uri(drawn, "image/png"),
            alternative=f"Spectrogram of sound {number}",
            note=f"{excited.values[number - 1]:.2f}, as noise {excited.before[number - 1]:.2f}",
        )
        takes.append(take)
    middle, high = np.percentile(of_music, _PERCENTILES)
    return Clip(
        key=f"feature-{excited.feature}",
        title=f"feature {excited.feature}",
        note=f"music: {middle:.2f}, at most {high:.2f} in 99 of 100 clips",
        numbers=[("highest", Cell(f"{excited.values.max():.2f}", "text"))],
        known=takes,
        judged=(),
        mark=None,
        ticks=sounds.frequency_ticks(sample_rate),
        track=f"feature {excited.feature}",
        source="",
        start_secs=0.0,
    )
