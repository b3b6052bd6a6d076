"""Records to checkpoints: the label-conditioned Wave-U-Net and its training loop."""

# data_prep silences TensorFlow's notices, and must do so before anyone imports that.
from data_prep.runtime.interruption import end_at_once_while_importing

end_at_once_while_importing(__name__)
