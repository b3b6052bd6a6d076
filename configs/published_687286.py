"""Run 687286 of the first publication: as 989518, with labels multiplied into the bottleneck, SSE."""

from dataclasses import replace

from configs.published_989518 import CONFIG as EXPANDED
from configs.schema import Loss

CONFIG = replace(
    EXPANDED,
    name="published_687286",
    model=replace(EXPANDED.model, conditioning="outer", place="bottleneck"),
    loss=Loss(mse=0.0, sse=1.0),
)
