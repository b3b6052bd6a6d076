"""Records to checkpoints: the label-conditioned Wave-U-Net and its training loop."""

import data_prep  # noqa: F401 (it silences TensorFlow's notices, and must do so before anyone imports that)
