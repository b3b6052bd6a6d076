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
    window = model.geometry()
    # A convolution of k taps takes k - 1 frames, or none.
    down_loss = model.down_kernel - 1 if model.padding == "valid" else 0
    up_loss = model.up_kernel - 1 if model.padding == "valid" else 0
    # Features of the mixture, of each level, and of the bottleneck.
    features = [num_channels, *(model.num_filters * i for i in range(1, model.num_levels + 2))]
    total = model.down_kernel * features[-2] * features[-1] * window.bottleneck_frames
    for level in range(1, model.num_levels + 1):
        below = features[level + 1]
        here = features[level]
        above = features[level - 1]
        skip_frames = window.skip_frames(level)
        on_each_side = (window.encoder_frames(level) - down_loss - skip_frames) // 2
        if pruned:
            on_each_side = -(-on_each_side // 2)
        down_frames = skip_frames + 2 * on_each_side
        total += model.down_kernel * above * here * down_frames
        total += model.up_kernel * (below + here) * here * (skip_frames - up_loss)
    num_heads = num_sources * num_channels
    # The heads read the features of the first level and the mixture.
    total += (features[1] + num_channels) * num_heads * window.estimate_frames
    # A multiplication and an addition each.
    return 2 * total
