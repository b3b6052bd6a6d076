"""Finds the devices of this machine, by the backend that Keras was imported with."""

import keras

from trainer.loop.protocol import Devices


def find_devices(tpu: str = "none") -> Devices:
    """Returns all devices that steps can be taken on.

    Args:
        tpu: of TensorFlow: ``local`` on a TPU VM, the name or grpc:// address of a TPU, or
            ``none``.

    Raises:
        ValueError: no TPU answers.
    """
    if keras.backend.backend() == "jax":
        from trainer.devices.jax_devices import JaxDevices

        return JaxDevices()
    from trainer.devices.strategy import make_strategy
    from trainer.devices.tensorflow_devices import TensorFlowDevices

    return TensorFlowDevices(make_strategy(tpu))
