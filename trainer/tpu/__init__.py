"""Tells what a training step costs on a TPU, without one.

compilation   compiles a step ahead of time
traffic       counts the bytes of a compiled program
chips         what chips can do at best
ceilings      how fast a compiled step can be at most
measuring     measures how fast this machine trains, by TPU or not
rates         how fast steps were measured to be: a file, a table and a figure
"""
