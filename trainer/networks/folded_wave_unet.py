"""Computes the Wave-U-Net for a TPU, with time folded into features where it is long.

docs/tpu.md says why, and by how much which level is folded. The variables have the same paths and
shapes as those of ``trainer.networks.wave_unet``, and the results agree but for rounding. Valid
padding alone. Axes: B examples, T frames or rows, F features, C channels.
"""

from typing import Any

import keras

from trainer.networks.folded_layers import (
    FoldedDownsamplingBlock,
    FoldedHeads,
    FoldedUpsamplingBlock,
)
from trainer.networks.frames import fold, frames_of, unfold
from trainer.networks.layers import DownsamplingBlock, UpsamplingBlock
from trainer.networks.wave_unet import WaveUNet

# The first level is folded by 2 to this power. On the way down two levels then fill three tiles of
# 128 features.
_DOWN_FOLDS = 5
_UP_FOLDS = 3


class FoldedWaveUNet(WaveUNet):
    """Maps what a Wave-U-Net maps, in fewer and wider rows."""

    def _down_phases(self, level: int) -> int:
        """Returns by how much the input of a level on the way down is folded."""
        return self._phases(_DOWN_FOLDS, level)

    def _up_phases(self, level: int) -> int:
        """Returns by how much the result of a level on the way up, and its skip, are folded."""
        # Labels enter the features of single frames there.
        if self.settings.conditioned_at in ("decoder", "heads"):
            return 1
        # So do notes, of which some level that would be folded may hear.
        timed_levels = self.settings.timed_levels(self._sample_rate)
        if any(self._phases(_UP_FOLDS, timed) > 1 for timed in timed_levels):
            return 1
        return self._phases(_UP_FOLDS, level)

    def _phases(self, folds: int, level: int) -> int:
        """Returns 2^folds for the first level, half of it for the next, down to 1."""
        # The bottleneck, one level further down, is not folded.
        folds = min(folds, self.settings.num_levels)
        return 2 ** max(0, folds - (level - 1))

    def _make_down(self, level: int, seed: int, dtype: str) -> DownsamplingBlock:
        return FoldedDownsamplingBlock(
            filters=self._num_filters(level),
            kernel=self.settings.down_kernel,
            seed=seed,
            phases=self._down_phases(level),
            skip_phases=self._up_phases(level),
            # What leaves a level is folded as the next one reads it; the mixture is not folded yet.
            folds_input=level == 1,
            name=f"down_{level}",
            dtype=dtype,
        )

    def _make_up(self, level: int, seed: int, dtype: str) -> UpsamplingBlock:
        phases = self._up_phases(level)
        if phases == 1:
            return super()._make_up(level, seed, dtype)
        return FoldedUpsamplingBlock(
            filters=self._num_filters(level),
            kernel=self.settings.up_kernel,
            upsampling=self.settings.upsampling,
            seed=seed,
            phases=phases,
            name=f"up_{level}",
            dtype=dtype,
        )

    def _make_heads(self, num_outputs: int, seed: int) -> keras.layers.Layer:
        phases = self._up_phases(1)
        if phases == 1:
            return super()._make_heads(num_outputs, seed)
        return FoldedHeads(num_outputs, phases, **self._head_options(seed))

    def _call_heads(self, mixture: Any, x: Any, vector: Any) -> Any:
        """Returns (B, T, heads * C) of the cropped mixture (B, T, C) and a folded x."""
        phases = self._up_phases(1)
        if phases == 1:
            return super()._call_heads(mixture, x, vector)
        heads = unfold(self.heads(fold(mixture, phases), x), phases)
        # The last row may hold more frames than there are.
        return frames_of(heads, 0, mixture.shape[1])
