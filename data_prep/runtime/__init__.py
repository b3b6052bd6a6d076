"""Runs commands.

command        parses flags, calls main, ends in words and with a status
subcommand     gives a command from within another one
interruption   what Ctrl-C means while a command imports, works and ends
parallel       the same work in several processes
system         processes and memory, as each system tells of them
memory         how much memory there is to take
quantities     numbers with units as people read them
datasets       iterators of TensorFlow that end at once
tensorflow_errors   what an error of TensorFlow means
revision       the revision of the code
"""
