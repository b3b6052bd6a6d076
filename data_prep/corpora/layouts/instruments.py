"""Declares a folder per instrument: ``drums/song 1.wav``, ``bass/song 1.wav`` are of one track.

Files in ``mixture`` are mixtures; without one, the sum of the sources is the mixture.
"""

from data_prep.corpora.layouts.layout import Layout

NUM_TRACKS = None
SAMPLE_RATE = None

LAYOUT = Layout(
    title="instruments'",
    expected="a folder per instrument, with a sound file of the same name in each for a track",
    places=("{source}/*",),
)
