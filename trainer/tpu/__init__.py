"""What a training step costs on a TPU that is not there.

compilation   compiles a step ahead of time
traffic       counts the bytes of a compiled program
chips         what chips can do at best
jax_step      the training step on JAX
"""
