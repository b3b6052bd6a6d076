"""Calls a network with labels, whether it takes them or not."""


def estimates_of(network, mixture, labels):
    """Returns the estimates (B, K, T, C) of a mixture (B, T, C), given labels (B, K)."""
    known = {"labels": labels}
    conditions = {name: known[name] for name in network.conditions}
    return network(mixture, conditions)["estimates"]
