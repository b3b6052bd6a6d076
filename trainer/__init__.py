"""Records to checkpoints: the label-conditioned Wave-U-Net and its training loop."""
