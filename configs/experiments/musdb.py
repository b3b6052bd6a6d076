"""Holds MUSDB18, four sources, 22050 Hz mono as first published; no labels.

    python -m data_prep.write --config=musdb --corpus=musdb --root=MUSDB18 --out=records/musdb
    python -m trainer.task --config=musdb --records=records/musdb --workdir=runs/musdb

Sized for a TPU; expect days on a CPU.
"""

from configs import instruments
from configs.networks import WaveUNetSettings
from configs.schema import Config, Data

MODEL = WaveUNetSettings(conditioning="none", conditioned_at="none", gate_heads=False)
CONFIG = Config(
    name="musdb",
    data=Data(sources=instruments.MUSDB, splits="official"),
    model=MODEL,
)
