"""Reads what another run has learnt, for a run to begin with (``train.begin_from``)."""

from trainer.loop.checkpoints import read_variables
from trainer.loop.protocol import Learnt
from trainer.loop.workdir import load_run
from trainer.tasks.registry import step_of


def read_learnt(workdir: str) -> Learnt:
    """Reads the best checkpoint of a run, of any task.

    What its objectives do not change, and it has not begun with, is as untrained as what would
    begin fresh, such as the decoder of a separator that has ordered clips: it is left out.
    Imported weights are all learnt.

    Raises:
        ValueError: there is no such run, or its checkpoint cannot be read.
    """
    checkpoint, values = read_variables(workdir, "best")
    run = load_run(workdir)
    if run.imported is not None:
        return Learnt(checkpoint, values)
    step = step_of(run.config)
    objectives = step.make_objectives(run.config, step.make_networks(run.config))
    learnt = {weight.path for objective in objectives for weight in objective.weights}
    learnt.update(run.config.begun.taken)
    return Learnt(checkpoint, {path: value for path, value in values.items() if path in learnt})
