"""The sections of a config for the toy network and the toy task, and an experiment with both."""

from dataclasses import dataclass, field

from configs import (
    Augmentation,
    Config,
    Data,
    NetworkSettings,
    OptimizerSettings,
    TaskSettings,
    Train,
)


@dataclass(frozen=True)
class ToyWindow:
    """Is a window that reads one frame more on each side than it estimates."""

    estimate_frames: int
    margin_frames: int = 1
    stride_frames: int = 1
    kept_offset: int = 0
    overlap: int = 1

    @property
    def mixture_frames(self):
        return self.estimate_frames + 2

    @property
    def reach_frames(self):
        return self.margin_frames

    @property
    def lead_frames(self):
        return self.margin_frames

    @property
    def hop_frames(self):
        return self.estimate_frames


@dataclass(frozen=True)
class ToyNetworkSettings(NetworkSettings):
    """Describes a convolution of three taps, and how many frames it estimates."""

    kind: str = "toy"
    estimate_frames: int = 64

    @property
    def takes_labels(self):
        return True

    def window(self, frames=None):
        return ToyWindow(self.estimate_frames if frames is None else max(frames, 1))


@dataclass(frozen=True)
class ToyTaskSettings(TaskSettings):
    """Describes a game of two networks: a critic learns five times as often."""

    kind: str = "toy"
    num_critic_updates: int = 5
    critic: OptimizerSettings = field(
        default_factory=lambda: OptimizerSettings("sgd", learning_rate=0.02, momentum=0.5)
    )


CONFIG = Config(
    name="toy",
    data=Data(splits="synthetic", sources=("cl", "fl", "vc", "vn"), context_frames=8),
    model=ToyNetworkSettings(),
    task=ToyTaskSettings(),
    augmentation=Augmentation(label_dropout=0.25),
    train=Train(
        steps=40,
        batch_size=4,
        learning_rate=1e-2,
        beta_1=0.5,
        steps_per_call=4,
        checkpoint_steps=8,
        validation_steps=16,
        average_decay=0.5,
    ),
)
