"""Counts the arithmetic of a Wave-U-Net from its config."""

from configs import WaveUNetSettings


def wave_unet_flops(
    model: WaveUNetSettings, num_sources: int, num_channels: int, pruned: bool
) -> int:
    """Returns the multiplications and additions in the convolutions of one forward pass.

    Args:
        model: the network; the window is the one that training uses, one example of it.
        num_sources: slots of the vocabulary, each counted as a head.
        num_channels: of the mixture.
        pruned: leave out what nothing uses: of the encoder, around a skip, every second frame.
    """
    return encoder_flops(model, num_channels, pruned) + decoder_flops(
        model, num_sources, num_channels
    )


def encoder_flops(model: WaveUNetSettings, num_channels: int, pruned: bool) -> int:
    """Returns those of the way down and of the bottleneck, with arguments as above."""
    window = model.geometry()
    # A convolution of k taps takes k - 1 frames, or none.
    down_loss = model.down_kernel - 1 if model.padding == "valid" else 0
    features = _features(model, num_channels)
    total = model.down_kernel * features[-2] * features[-1] * window.bottleneck_frames
    for level in range(1, model.num_levels + 1):
        skip_frames = window.skip_frames(level)
        on_each_side = (window.encoder_frames(level) - down_loss - skip_frames) // 2
        if pruned:
            on_each_side = -(-on_each_side // 2)
        down_frames = skip_frames + 2 * on_each_side
        total += model.down_kernel * features[level - 1] * features[level] * down_frames
    # A multiplication and an addition each.
    return 2 * total


def decoder_flops(model: WaveUNetSettings, num_sources: int, num_channels: int) -> int:
    """Returns those of the way up and of the heads, with arguments as above."""
    window = model.geometry()
    up_loss = model.up_kernel - 1 if model.padding == "valid" else 0
    features = _features(model, num_channels)
    num_heads = num_sources * num_channels
    # The heads read the features of the first level and the mixture.
    total = (features[1] + num_channels) * num_heads * window.estimate_frames
    for level in range(1, model.num_levels + 1):
        read = features[level + 1] + features[level]
        up_frames = window.skip_frames(level) - up_loss
        total += model.up_kernel * read * features[level] * up_frames
    return 2 * total


def _features(model: WaveUNetSettings, num_channels: int) -> list[int]:
    """Returns the features of the mixture, of each level, and of the bottleneck."""
    return [num_channels, *(model.num_filters * i for i in range(1, model.num_levels + 2))]
