"""Says how a run that makes single sounds was scored."""

from configs import GenerationSettings
from evaluation.document.parts import Block, Terms
from evaluation.tasks.generation.paths import NUM_PATHS, NUM_POINTS
from evaluation.tasks.generation.referee import ACCEPTED
from trainer.tasks.generation.distances import FLOOR_DB, HOP_FRAMES, WINDOW_FRAMES

_LAWS = {
    "normal": "normal, of mean 0 and variance 1",
    "uniform": "even from -1 to 1",
}


def method_blocks(task: GenerationSettings, num_drawn: int) -> list[Block]:
    """Explains distances, dice, paths and the referee."""
    law = _LAWS[task.prior]
    if task.method == "autoencoder":
        law = "normal, with the mean and the covariance of those of the training sounds"
    pairs = [
        (
            "distance",
            f"The log-spectral distance: levels in windows of {WINDOW_FRAMES:,} frames every "
            f"{HOP_FRAMES}, not below {FLOOR_DB:g} dB of a full-scale sine; the root mean square "
            "of their difference over bins, and the mean over columns (Gray, Markel, 1976).",
        ),
        (
            "discrepancy",
            "Squared and without bias (Gretton et al., JMLR 2012), by a Gaussian kernel of the "
            "root mean square difference of levels; its width is the median of those of all pairs "
            "of training sounds.",
        ),
        ("coverage", "Naeem et al., ICML 2020."),
        ("dice", f"{num_drawn:,} sounds, their numbers {law}; the same in each call."),
        (
            "paths",
            f"{NUM_PATHS} pairs of drawn sounds, {NUM_POINTS} sounds on the straight line between "
            "the numbers of each.",
        ),
        (
            "referee",
            "A logistic regression of mean and deviation over time of levels in bands, of real "
            f"training sounds; it accepts from a probability of {ACCEPTED:g} on.",
        ),
        (
            "kit",
            "What the name KIT/CLASS/NAME of a sound begins with; a sound named otherwise is one "
            "of its own.",
        ),
    ]
    return [Terms(pairs)]
