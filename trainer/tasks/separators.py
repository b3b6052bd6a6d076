"""Makes the separator of a run or of an experiment, whichever way its network is asked.

A run that has learnt to answer queries is asked for every name of its vocabulary.
"""

from configs import Config
from trainer.inference.memory import MEMORY_MB
from trainer.inference.separator import Separator, TrainedSeparator, UntrainedSeparator
from trainer.loop.workdir import load_run
from trainer.tasks.query.separator import TrainedQuerySeparator, UntrainedQuerySeparator


def trained_separator(
    workdir: str,
    checkpoint: str = "best",
    weights: str = "average",
    memory_mb: float = MEMORY_MB,
) -> TrainedSeparator:
    """Restores the network of a run; the arguments and errors are those of its class."""
    answers = load_run(workdir).config.task.learns == "target"
    made_by = TrainedQuerySeparator if answers else TrainedSeparator
    return made_by(workdir, checkpoint, weights, memory_mb)


def untrained_separator(config: Config, memory_mb: float = MEMORY_MB) -> Separator:
    """Makes the network of an experiment, with random weights."""
    answers = config.task.learns == "target"
    made_by = UntrainedQuerySeparator if answers else UntrainedSeparator
    return made_by(config, memory_mb)
