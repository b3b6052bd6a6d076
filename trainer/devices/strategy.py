"""Finds where TensorFlow takes steps: on a TPU, on all GPUs of the machine, or on its CPU."""

import socket
from urllib.parse import urlsplit

import tensorflow as tf

_PATIENCE_SECS = 10
# Of a TPU where its address names none.
_GRPC_PORT = 8470
# Looks up the names of TPUs; it is there on machines of Google Cloud alone.
_METADATA_SERVER = "http://metadata.google.internal:80"


def make_strategy(tpu: str = "none") -> tf.distribute.Strategy:
    """Returns the distribution strategy of this machine.

    Args:
        tpu: ``local`` on a TPU VM, the name or grpc:// address of a TPU, or ``none``.

    Raises:
        ValueError: no TPU answers.
    """
    if tpu != "none":
        return _tpu_strategy(tpu)
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def _tpu_strategy(tpu: str) -> tf.distribute.Strategy:
    """Connects to a TPU and wipes its memory; all that cannot be tested without one is here."""
    _require_reachable(tpu)
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (tf.errors.OpError, ValueError, RuntimeError, OSError) as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise _no_tpu(tpu, reason) from error


def _require_reachable(tpu: str) -> None:
    """Refuses a TPU, or a name of one, that nobody answers for.

    TensorFlow would wait for minutes, or end the process.
    """
    if tpu == "local":
        return
    address = urlsplit(tpu if "://" in tpu else _METADATA_SERVER)
    try:
        # Asking for the port raises a ValueError where it is no number.
        port = address.port or _GRPC_PORT
        socket.create_connection((address.hostname or "", port), _PATIENCE_SECS).close()
    except (OSError, ValueError) as error:
        raise _no_tpu(tpu, f"{address.netloc}: {error}") from error


def _no_tpu(tpu: str, reason: str) -> ValueError:
    """Returns the error that names a TPU and why it cannot be used."""
    return ValueError(
        f"no TPU answers as {tpu!r} ({reason}); use --tpu=local on a TPU VM whose TPU no other "
        f"process holds, or --tpu=none to train without one."
    )
