"""Calls a network with what it takes of all that is known."""


def estimates_of(network, mixture, labels, **known):
    """Returns the estimates (B, K, T, C) of a mixture (B, T, C), given labels (B, K) and more."""
    known = {"labels": labels, **known}
    conditions = {name: known[name] for name in network.conditions}
    return network(mixture, conditions)["estimates"]
