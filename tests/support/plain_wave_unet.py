"""A Wave-U-Net in plain NumPy, written from the paper's table and nothing of ours: the truth of
test_network.
"""

import numpy as np


def convolve(x, kernel, bias, padding):
    """x (T, F), kernel (k, F, G): out[t] = sum_j x[t + j] kernel[j] + bias, with zeros around it if
    same.
    """
    taps = kernel.shape[0]
    if padding == "same":
        x = np.pad(x, ((taps // 2, taps // 2), (0, 0)))
    frames = len(x) - taps + 1
    return sum(x[j : j + frames] @ kernel[j] for j in range(taps)) + bias


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def middle(x, frames):
    start = (len(x) - frames) // 2
    return x[start : start + frames]


def upsample(x, padding, logits=None):
    weight = 0.5 if logits is None else 1 / (1 + np.exp(-logits))
    out = []
    for t in range(len(x)):
        following = x[t + 1] if t + 1 < len(x) else x[t]
        out += [x[t], weight * x[t] + (1 - weight) * following]
    return np.array(out if padding == "same" else out[:-1])


def condition(kind, x, labels, weights):
    """x (T, F) with labels (K,) in it; an unknown vector, -1 throughout, conditions like zeros."""
    labels = np.maximum(labels, 0)
    if kind == "concat":
        return np.stack([np.concatenate([frame, labels]) for frame in x])
    if kind == "outer":
        return np.stack([np.outer(frame, labels).ravel() for frame in x])
    scale = weights[0] if kind in ("scale", "film") else np.zeros((len(labels), x.shape[1]))
    shift = weights[-1] if kind in ("add", "film") else np.zeros((len(labels), x.shape[1]))
    return x * (1 + labels @ scale) + labels @ shift


def forward(weights, mixture, labels, model, sources):
    """Estimates (K, T_est, C) of one mixture (T_mix, C); ``weights`` maps a layer's name to its
    arrays.
    """

    def at(place, x, i=1):
        return (
            condition(model.conditioning, x, labels, weights.get(f"conditioning_{i}"))
            if place == model.conditioned_at
            else x
        )

    x, skips = at("input", mixture.astype(np.float64)), []
    for level in range(1, model.num_levels + 1):
        x = leaky(convolve(x, *weights[f"down_{level}"], model.padding))
        skips.append(x)
        x = x[::2]
    x = leaky(convolve(x, *weights["bottleneck"], model.padding))
    x = at("bottleneck", x)
    for i, level in enumerate(range(model.num_levels, 0, -1), start=1):
        *logits, kernel, bias = weights[f"up_{level}"]
        x = upsample(x, model.padding, *logits)
        x = np.concatenate([middle(skips[level - 1], len(x)), x], axis=1)
        x = at("decoder", leaky(convolve(x, kernel, bias, model.padding)), i)
    mixture = middle(mixture, len(x))
    kernel, bias = weights["heads"]
    heads = at("heads", np.concatenate([mixture, x], axis=1)) @ kernel[0] + bias
    heads = np.tanh(heads) if model.head_activation == "tanh" else heads
    heads = heads.reshape(len(x), -1, mixture.shape[1])
    slots = [name for name in sources if name != model.residual]
    estimates = {name: heads[:, i] for i, name in enumerate(slots)}
    if model.gate_heads:
        estimates = {
            name: abs(labels[sources.index(name)]) * wave for name, wave in estimates.items()
        }
    if model.residual:
        estimates[model.residual] = mixture - sum(estimates.values())
    return np.stack([estimates[name] for name in sources])
