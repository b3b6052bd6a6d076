"""Where the steps run: a TPU, all GPUs of the machine, or its CPU."""

import socket
from urllib.parse import urlsplit

import tensorflow as tf

_PATIENCE_SECS = 10


def make_strategy(tpu: str = "none") -> tf.distribute.Strategy:
    """The distribution strategy of this machine.

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
    """Connect to a TPU and wipe its memory; what cannot be tested without one is here."""
    _require_reachable(tpu)
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (tf.errors.OpError, ValueError, RuntimeError, OSError) as error:
        raise _no_tpu(tpu, str(error).split("\n")[0] or type(error).__name__) from error


def _require_reachable(tpu: str) -> None:
    """Ask at the door first: TensorFlow waits for minutes where nobody is, or ends the process.

    A name is looked up by the metadata server, which is there on machines of Google Cloud alone.
    """
    if tpu == "local":
        return
    address = urlsplit(tpu) if "://" in tpu else urlsplit("http://metadata.google.internal:80")
    try:
        host, port = address.hostname, address.port
        socket.create_connection((host or "", port or 8470), _PATIENCE_SECS).close()
    except (OSError, ValueError) as error:
        raise _no_tpu(tpu, f"{address.netloc}: {error}") from error


def _no_tpu(tpu: str, reason: str) -> ValueError:
    return ValueError(
        f"no TPU answers as {tpu!r} ({reason}); use --tpu=local on a TPU VM whose TPU no other process holds, or "
        f"--tpu=none to train without one."
    )
