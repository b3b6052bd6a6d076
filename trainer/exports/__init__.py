"""Turns the network of a run into files that other programs run, each checked before it is there.

formats       which there are, and how far each may be from the network
exporting     makes and checks the files of a run
placing       puts them into their folder, all or none
saved_model   a SavedModel, which separates whole waveforms
model_folder  puts a SavedModel in the place of another one
window        the network as a graph of one window, for the formats below
onnx_file     that graph as ONNX
tflite_file   the same as TFLite
grid          whole waveforms out of windows, with nothing but what such a file says of itself
agreement     how far a file is from the network on real music, and how fast it is
quiet         what converters write past Python
rows          what is known of each file: a table, and a file of JSON
card          the model card
"""
