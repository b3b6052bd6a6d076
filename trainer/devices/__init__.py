"""Takes training steps on devices, by TensorFlow or by JAX; trainer.loop says what it asks of them.

tensorflow_devices   steps in the scope of a strategy of TensorFlow
chosen               chooses the backend of Keras, before it is imported
found                finds the devices of this machine
compiled             compiles what a network computes
strategy             finds the strategy of this machine
jax_devices          steps on all devices that JAX sees, of one machine or of several
first_values         weights to begin with, as TensorFlow draws them
processes            lets several processes work together by JAX
jax_step             the step on JAX, which preflight compiles, too
"""
