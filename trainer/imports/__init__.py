"""Turns weights that another system published into a run, which nobody trained here.

weight_files     finds the weights in a folder, and what lies beside them
tensor_file      reads safetensors
torch_files      has an interpreter with PyTorch turn its files into safetensors
save_tensors     is what that interpreter runs
published        what is known of published weights
open_unmix       checks the tensors of Open-Unmix and gives them to a network
importing        makes the run
"""
