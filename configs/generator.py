"""Describes the network that makes single sounds, and the task that teaches it: docs/one-shots.md.

A one-shot is a sound of ``model.num_frames`` with its peak at ``task.attack_secs``.
"""

from dataclasses import dataclass, field
from typing import Literal

from configs.checks import require, require_legal_words, require_within
from configs.settings import NetworkSettings, TaskSettings
from configs.tagger import ColumnWindow
from configs.training import LARGEST_FLOAT, OptimizerSettings

# Of WaveGAN: each convolution keeps one frame of so many, and reads so many.
STRIDE = 4
TAPS = 25
# The analysis of an encoder that hears a spectrum, in frames.
SPECTRUM_WINDOW = 512
SPECTRUM_HOP = 256
# The longest analysis window of the loss.
LONGEST_WINDOW = 2048

# The lowest and the highest value of a field, generously.
_LIMITS = {
    "num_frames": (64, 2**20),
    "latents": (1, 4096),
    "filters": (1, 1024),
    "num_levels": (1, 9),
}
_TASK_LIMITS = {
    "attack_secs": (0, 10),
    "stft": (0, LARGEST_FLOAT),
    "relative": (0, LARGEST_FLOAT),
    "mse": (0, LARGEST_FLOAT),
    "kl": (0, LARGEST_FLOAT),
    "kl_ramp_steps": (0, 10**9),
    "critic_updates": (1, 100),
    "penalty": (0, LARGEST_FLOAT),
    "phase_shuffle": (0, 64),
    "validation_sounds": (2, 10**5),
}


@dataclass(frozen=True)
class GeneratorSettings(NetworkSettings):
    """Describes a network that makes a sound of some numbers, and may find those of a sound."""

    kind: str = "generator"
    num_frames: int = 8192
    # The numbers of which a sound is made.
    latents: int = 16
    # Dense layers of all frames, or convolutions as in WaveGAN.
    body: Literal["dense", "convolutions"] = "convolutions"
    # Of dense layers: those of the encoder, which those of the decoder mirror.
    units: tuple[int, ...] = (256, 64)
    activation: Literal["relu", "leaky_relu", "tanh", "sigmoid"] = "relu"
    # Of the body convolutions: of the layer next to the sound; the next ones have twice as many.
    filters: int = 16
    # How many of these lie behind each other, each with a quarter of the frames.
    num_levels: int = 5
    # What the encoder is given: the frames, or their levels in time and frequency, in which case it
    # is dense layers, of these units, whatever the decoder is.
    hears: Literal["waveform", "spectrum"] = "spectrum"

    def __post_init__(self) -> None:
        require_within(self, "model", _LIMITS)
        require_legal_words(self, "model")
        legal = bool(self.units) and all(1 <= units <= 2**16 for units in self.units)
        require(legal, "model.units", self.units, "one number or more, each from 1 to 65536")
        if self.body == "convolutions":
            frames = STRIDE**self.num_levels
            expected = f"a multiple of {frames}, {STRIDE} to the power of model.num_levels"
            require(self.num_frames % frames == 0, "model.num_frames", self.num_frames, expected)
        if self.hears == "spectrum":
            expected = f"{SPECTRUM_WINDOW} or more, as model.hears=spectrum has such windows"
            enough = self.num_frames >= SPECTRUM_WINDOW
            require(enough, "model.num_frames", self.num_frames, expected)

    @property
    def gives(self) -> str:
        """Returns what the network gives: sounds."""
        return "sounds"

    @property
    def takes_labels(self) -> bool:
        """Returns that labels are no condition of the network."""
        return False

    def filters_at(self, level: int) -> int:
        """Returns the filters of a convolution, counted from the sound on, from 0."""
        return int(self.filters * 2**level)

    @property
    def num_columns(self) -> int:
        """Returns the frames that are left behind all convolutions."""
        return int(self.num_frames // STRIDE**self.num_levels)

    @property
    def num_heard(self) -> int:
        """Returns how many numbers a dense encoder is given of a sound."""
        if self.hears == "waveform":
            return self.num_frames
        num_spectra = 1 + (self.num_frames - SPECTRUM_WINDOW) // SPECTRUM_HOP
        return num_spectra * (SPECTRUM_WINDOW // 2 + 1)

    def window(self, frames: int | None = None) -> ColumnWindow:
        """Returns the window without context: a sound is made as a whole, whatever is wanted."""
        del frames
        return ColumnWindow(1, self.num_frames, 0)


@dataclass(frozen=True)
class GenerationSettings(TaskSettings):
    """Says how a network learns to make one-shots (trainer.tasks.generation)."""

    kind: str = "generation"
    # Autoencoder: return what went in; variational: so that numbers by dice make sounds, too
    # (Kingma, Welling, ICLR 2014); adversarial: what a critic takes for real (Donahue, McAuley,
    # Puckette, "Adversarial audio synthesis", ICLR 2019); encoder: find the numbers of what the
    # decoder of train.begin_from makes.
    method: Literal["autoencoder", "variational", "adversarial", "encoder"] = "variational"
    # Where the peak of each one-shot of the records is.
    attack_secs: float = 0.02
    # What a sound that comes back wrongly costs: levels in time and frequency, the squared error
    # over the energy of the sound, and the squared error as it is, which makes sounds that ring.
    stft: float = 1.0
    relative: float = 0.1
    mse: float = 0.0
    # Of the divergence from normal numbers, summed over them, after a ramp of so many steps.
    kl: float = 0.015
    kl_ramp_steps: int = 1000
    # What numbers by dice are: of mean 0 and variance 1, or evenly from -1 to 1.
    prior: Literal["normal", "uniform"] = "normal"
    # The critic's updates for each one of the network, ...
    critic_updates: int = 5
    # ... what its slope costs that is not 1 (Gulrajani et al., NeurIPS 2017), ...
    penalty: float = 10.0
    # ... by how many columns at most what it hears is shifted, and how it learns.
    phase_shuffle: int = 2
    critic: OptimizerSettings = field(
        default_factory=lambda: OptimizerSettings(learning_rate=1e-4, beta_1=0.5, beta_2=0.9)
    )
    # Drawn by dice and heard in a validation of method adversarial.
    validation_sounds: int = 200

    def __post_init__(self) -> None:
        require_within(self, "task", _TASK_LIMITS)
        require_legal_words(self, "task")
        expected = "a weight above 0 for one of task.stft, task.relative and task.mse"
        total = self.stft + self.relative + self.mse
        require(total > 0 or self.compares_no_sounds, "task.stft", self.stft, expected)
        self.critic.check("task.critic")

    @property
    def learns(self) -> str:
        """Returns what the task learns to give: sounds."""
        return "sounds"

    @property
    def compares_no_sounds(self) -> bool:
        """Says whether sounds that come back play no part in learning."""
        return self.method in ("adversarial", "encoder")

    @property
    def has_encoder(self) -> bool:
        """Says whether a run has a network that finds the numbers of a sound."""
        return self.method != "adversarial"

    def require_network(self, model: NetworkSettings, sample_rate: int) -> None:
        """Raises a ``ValueError`` where a network makes no sounds, or too short ones."""
        super().require_network(model, sample_rate)
        assert isinstance(model, GeneratorSettings)
        frames = model.num_frames
        if self.stft and not self.compares_no_sounds:
            expected = f"{LONGEST_WINDOW} or more, the longest window of task.stft"
            require(frames >= LONGEST_WINDOW, "model.num_frames", frames, expected)
        expected = f"less than the {frames / sample_rate:.4g} s of a sound"
        legal = round(self.attack_secs * sample_rate) < frames
        require(legal, "task.attack_secs", self.attack_secs, expected)
        if self.method == "adversarial":
            # The critic is convolutions, whatever makes the sounds.
            expected = f"a multiple of {STRIDE**model.num_levels}, as the critic is convolutions"
            legal = frames % STRIDE**model.num_levels == 0
            require(legal, "model.num_frames", frames, expected)
            self._require_shuffle(model)

    def _require_shuffle(self, model: GeneratorSettings) -> None:
        """Raises a ``ValueError`` where columns are shifted by more than there are to mirror."""
        # The layer with the fewest columns that are shifted is the last but one.
        num_columns = model.num_columns * STRIDE
        expected = f"less than the {num_columns} columns of the critic's last layer but one"
        legal = model.num_levels == 1 or self.phase_shuffle < num_columns
        require(legal, "task.phase_shuffle", self.phase_shuffle, expected)

    def require_augmentation(self, keeps_the_mixture: bool) -> None:
        """Raises a ``ValueError`` where mixtures are changed: one-shots stay as they are."""
        expected = "separation or tagging, as the section augmentation changes mixtures"
        require(keeps_the_mixture, "task.kind", self.kind, expected)
