"""Turns weights that another system published into a run, which nobody trained here.

reading           reads the tensors of files, whatever wrote them
tensor_file       reads safetensors
torch_files       has an interpreter with PyTorch turn its files into safetensors
save_tensors      is what that interpreter runs

weight_files      finds the weights of Open-Unmix in a folder, and what lies beside them
published         what is known of published weights of Open-Unmix
open_unmix        checks the tensors of Open-Unmix and gives them to a network
open_unmix_run    makes the run

roformer_tensors  checks the tensors of RoFormers, and knows where each belongs
roformer_yaml     reads the yaml beside them
roformer_fit      says what of a yaml must change to fit its weights
roformer_run      makes the run
"""
