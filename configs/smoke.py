"""A small expanded, label-conditioned Wave-U-Net that learns to separate synthetic URMP pieces on two CPU cores.

    make smoke

About three minutes of training; at least 5 dB above the mixture on pieces it has not heard.
"""

from configs.schema import Config, Data, Model, Train

CONFIG = Config(
    name="smoke",
    data=Data(splits="synthetic", excerpt_secs=10.0, context_frames=1015),
    model=Model(num_levels=6, num_filters=16, estimate_frames=4101),
    train=Train(
        steps=1500,
        batch_size=8,
        learning_rate=1e-3,
        schedule="cosine",
        min_gain=0.5,
        max_gain=1.2,
        steps_per_call=50,
        checkpoint_steps=250,
    ),
)
