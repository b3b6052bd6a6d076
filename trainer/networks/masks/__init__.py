"""Is a network of masks on spectrograms.

stft_mask           the network
mask_body           what it has between spectrum and masks
mask_bodies         such of convolutions, and the list of all
recurrent_bodies    such that go from column to column
"""
