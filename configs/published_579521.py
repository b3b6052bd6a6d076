"""Run 579521 of the first publication: expanded to 13 slots, the violin as residual, a decaying learning rate, MSE."""

from dataclasses import replace

from configs.urmp import CONFIG as URMP

CONFIG = replace(
    URMP,
    name="published_579521",
    model=replace(URMP.model, output="difference", residual="vn"),
    train=replace(URMP.train, learning_rate=1e-5, schedule="exponential"),
)
