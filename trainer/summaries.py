"""What TensorBoard shows of a run, written between the calls to the device."""

import tensorflow as tf


class Summaries:
    """Scalars of a run in ``workdir/events``."""

    def __init__(self, workdir: str) -> None:
        self._writer = tf.summary.create_file_writer(f"{workdir}/events")

    def write_scalars(self, step: int, **scalars: float) -> None:
        """Write figures as they stand after ``step`` steps."""
        with self._writer.as_default(step):
            for name, value in scalars.items():
                tf.summary.scalar(f"train/{name}", value)

    def close(self) -> None:
        """Hand everything to the file system."""
        self._writer.close()
