"""Makes what changes the weights of a network in a test."""

from trainer.loop.optimisation import Optimisation
from trainer.loop.protocol import Objective
from trainer.tasks.separation import step


def optimisation_of(config, network):
    """Optimises a network of separation as its task does."""
    networks = {step.SEPARATOR: network}
    return Optimisation(config.train, networks, step.make_objectives(config, networks))


def optimisation_without_loss(settings, network):
    """Optimises any network by gradients that a test makes."""
    weights = network.trainable_variables
    objective = Objective("test", lambda _batch, _update: 0.0, weights, settings.own_optimizer)
    return Optimisation(settings, {"network": network}, [objective])
