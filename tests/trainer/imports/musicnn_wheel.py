"""Writes a file like the wheel of musicnn, and computes what a model in it says, step by step.

The checkpoint is written by TensorFlow; the network is that of the published graph, with its own
functions and its layout of pictures, (B, P, N, 1).
"""

import base64
import hashlib
import zipfile

import numpy as np
import tensorflow as tf

TAGS = ["guitar", "no vocals", "00s", "Hip-Hop", "new age"]
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: {}\nLicense: ISC\n\nA text.\n"


def random_variables(shapes, seed=0):
    """Values of all variables, as large as they are after training."""
    rng = np.random.default_rng(seed)
    variables = {}
    for name, shape in shapes.items():
        if name.endswith("kernel"):
            values = rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))
        elif name.endswith("variance"):
            # So small that what the normalisation adds to it counts.
            values = rng.uniform(0.001, 2, shape)
        elif name.endswith("gamma"):
            values = rng.uniform(-1, 1, shape)
        else:
            values = rng.normal(0, 0.5, shape)
        variables[name] = values.astype(np.float32)
    return variables


def norm_shapes(sizes):
    names = ["batch_normalization", *(f"batch_normalization_{i}" for i in range(1, len(sizes)))]
    parts = ("gamma", "beta", "moving_mean", "moving_variance")
    return {
        f"{name}/{part}": (size,) for name, size in zip(names, sizes, strict=True) for part in parts
    }


def musicnn_shapes(num_tags):
    kernels = {
        "conv2d": (7, 38, 1, 204),
        "conv2d_1": (7, 67, 1, 204),
        "conv2d_2": (128, 1, 1, 51),
        "conv2d_3": (64, 1, 1, 51),
        "conv2d_4": (32, 1, 1, 51),
        "conv2d_5": (7, 561, 1, 64),
        "conv2d_6": (7, 64, 1, 64),
        "conv2d_7": (7, 64, 1, 64),
        "dense": (1506, 200),
        "dense_1": (200, num_tags),
    }
    shapes = norm_shapes([1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200])
    for name, shape in kernels.items():
        shapes |= {f"{name}/kernel": shape, f"{name}/bias": shape[-1:]}
    return shapes


def vgg_shapes(num_tags):
    shapes = norm_shapes([1] + 5 * [128])
    for i in range(1, 6):
        shapes |= {f"{i}CNN/kernel": (3, 3, 128 if i > 1 else 1, 128), f"{i}CNN/bias": (128,)}
    return shapes | {"dense/kernel": (256, num_tags), "dense/bias": (num_tags,)}


class Graph:
    """The functions of the published graph, with the variables of a checkpoint."""

    def __init__(self, variables):
        self.variables = variables

    def norm(self, x, number=0):
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        gamma, beta, mean, variance = (
            self.variables[f"{name}/{part}"]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 0.001)

    def conv(self, x, name, padding):
        y = tf.nn.conv2d(x, self.variables[f"{name}/kernel"], 1, padding)
        return tf.nn.relu(y + self.variables[f"{name}/bias"])

    def dense(self, x, name):
        return x @ self.variables[f"{name}/kernel"] + self.variables[f"{name}/bias"]


def musicnn_probabilities(variables, pictures):
    graph = Graph(variables)
    x = graph.norm(pictures[..., None])
    padded = tf.pad(x, [[0, 0], [3, 3], [0, 0], [0, 0]])
    parts = []
    for number, name in enumerate(("conv2d", "conv2d_1", "conv2d_2", "conv2d_3", "conv2d_4"), 1):
        y = graph.conv(padded, name, "VALID") if number < 3 else graph.conv(x, name, "SAME")
        y = graph.norm(y, number)
        parts.append(tf.squeeze(tf.nn.max_pool2d(y, [1, y.shape[2]], 1, "VALID"), [2]))
    # Features lie where bands did: (B, P, 561, 1).
    layers = [tf.concat(parts, 2)[..., None]]
    for number, name in enumerate(("conv2d_5", "conv2d_6", "conv2d_7"), 6):
        around = tf.pad(layers[-1], [[0, 0], [3, 3], [0, 0], [0, 0]])
        y = tf.transpose(graph.norm(graph.conv(around, name, "VALID"), number), [0, 1, 3, 2])
        layers.append(y + layers[-1] if number > 6 else y)
    y = tf.concat(layers, 2)
    y = tf.concat([tf.reduce_max(y, 1), tf.reduce_mean(y, 1)], 2)
    y = graph.norm(tf.reshape(y, [len(pictures), -1]), 9)
    y = graph.norm(tf.nn.relu(graph.dense(y, "dense")), 10)
    return tf.sigmoid(graph.dense(y, "dense_1")).numpy()


# Sizes and strides of the maxima; those in the middle are the same.
POOLS = {
    "MTT_vgg": {1: ([4, 1], 2), 5: ([4, 4], 4)},
    "MSD_vgg": {1: ([4, 1], [4, 1]), 2: ([1, 4], [1, 4]), 5: ([4, 4], 4)},
}


def vgg_probabilities(variables, pictures, model):
    graph = Graph(variables)
    x = graph.norm(pictures[..., None])
    for i in range(1, 6):
        x = graph.norm(graph.conv(x, f"{i}CNN", "SAME"), i)
        size, stride = POOLS[model].get(i, ([2, 2], 2))
        x = tf.nn.max_pool2d(x, size, stride, "VALID")
    return tf.sigmoid(graph.dense(tf.reshape(x, [len(pictures), -1]), "dense")).numpy()


def checkpoint_of(variables, folder):
    """The two files of a checkpoint without a name, with what its optimiser kept."""
    slots = {f"{name}/Adam": values for name, values in variables.items()}
    saved = {**variables, **slots, "beta1_power": np.float32(0.5)}
    names = sorted(saved)
    tf.raw_ops.SaveV2(
        prefix=f"{folder}/",
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[saved[name] for name in names],
    )
    return {name: (folder / name).read_bytes() for name in (".index", ".data-00000-of-00001")}


def files_of(checkpoints, tags=tuple(TAGS), name="musicnn", version="0.1.0"):
    """The files of a wheel, but for RECORD, by name."""
    info = f"musicnn-{version}.dist-info"
    files = {
        "musicnn/configuration.py": f"MTT_LABELS = {list(tags)}\nMSD_LABELS = {list(tags)}\n".encode(),
        f"{info}/METADATA": METADATA.format(name, version).encode(),
        f"{info}/LICENSE.md": b"Copyright (c) somebody.\n\nUse it.\n",
    }
    for model, parts in checkpoints.items():
        files |= {f"musicnn/{model}/{part}": data for part, data in parts.items()}
    return files


def write_wheel(path, files, changed=None):
    """Writes a wheel whose RECORD is of its files; those in ``changed`` are others than it says."""
    (metadata,) = [name for name in files if name.endswith("METADATA")]
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    with zipfile.ZipFile(path, "w") as file:
        for name, data in (files | (changed or {})).items():
            file.writestr(name, data)
        file.writestr(metadata.replace("METADATA", "RECORD"), "".join(lines))
    return path
