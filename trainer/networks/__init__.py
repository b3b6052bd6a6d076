"""The networks.

wave_unet      the Wave-U-Net
layers         its blocks
folded         the same computations for a TPU
conditioning   how labels enter a network
"""
