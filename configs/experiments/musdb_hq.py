"""Holds MUSDB18-HQ (or the stems), four sources, 44100 Hz stereo, as published figures.

    python -m data_prep.write --config=musdb_hq --corpus=musdb --root=MUSDB18-HQ --out=records/hq
    python -m trainer.task --config=musdb_hq --records=records/hq --workdir=runs/musdb_hq

Sized for a TPU; expect days on a CPU.
"""

from dataclasses import replace

from configs.experiments.musdb import CONFIG as MUSDB
from configs.schema import Audio

CONFIG = replace(MUSDB, name="musdb_hq", audio=Audio(sample_rate=44100, channels=2))
