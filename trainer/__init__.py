"""Turns records into checkpoints: networks, the loop that trains them, and what goes with a run.

task               trains an experiment
export             a trained network as a SavedModel, ONNX or TFLite
import_openunmix   a run of weights that Open-Unmix's authors published
import_roformer    a run of weights of a BS-RoFormer or a Mel-Band RoFormer
benchmark          how fast this machine trains
preflight          whether and how a step runs on a TPU that is not there

loop        trains any task
networks    makes any network
batches     records to examples
inference   waveforms of any length through a network
exports     networks as files that other programs run
imports     weights of another system as a run
tasks       what can be learnt
tpu         what a step costs on a TPU
"""
