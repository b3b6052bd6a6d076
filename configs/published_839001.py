"""Run 839001 of the first publication: as 989518, in bfloat16, SSE."""

from dataclasses import replace

from configs.published_989518 import CONFIG as EXPANDED
from configs.schema import Loss

CONFIG = replace(
    EXPANDED,
    name="published_839001",
    loss=Loss(mse=0.0, sse=1.0),
    train=replace(EXPANDED.train, compute_dtype="bfloat16"),
)
