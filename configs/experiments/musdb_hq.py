"""Is the experiment musdb at 44100 Hz stereo, the format of published figures.

First write the records, then train on them:

    python -m data_prep.write --config=musdb_hq --corpus=musdb --root=MUSDB18 --out=records/hq
    python -m trainer.task --config=musdb_hq --records=records/hq --workdir=runs/musdb_hq

The root holds MUSDB18-HQ (wav files) or MUSDB18 (stem files). The network is sized for a TPU; on a
CPU its training takes days.
"""

from dataclasses import replace

from configs.experiments.musdb import CONFIG as MUSDB

CONFIG = replace(
    MUSDB,
    name="musdb_hq",
    audio=replace(MUSDB.audio, sample_rate=44100, channels=2),
)
