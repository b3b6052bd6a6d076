"""Where the steps run: a TPU, all GPUs of the machine, or its CPU."""

import tensorflow as tf


def make_strategy(tpu: str = "none") -> tf.distribute.Strategy:
    """The distribution strategy of this machine.

    Args:
        tpu: ``local`` on a TPU VM, the name or address of a TPU, or ``none``.

    Raises:
        ValueError: no TPU answers.
    """
    if tpu != "none":
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu)
            tf.config.experimental_connect_to_cluster(resolver)
            tf.tpu.experimental.initialize_tpu_system(resolver)
        except (tf.errors.OpError, ValueError, RuntimeError, ConnectionError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"no TPU answers as {tpu!r} ({reason}); use --tpu=none to train without one.") from error
        return tf.distribute.TPUStrategy(resolver)
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()
