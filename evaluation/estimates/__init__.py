"""Provides tracks with the estimates of some system, on a disk.

named_checkpoint   says what is to be evaluated
opened_run         opens a run and its records
estimated_system   restores the network of an opened run
from_records       holds its estimates of the tracks of the records
from_originals     holds its estimates at the rate of the original files
sound_files        reads the sound files that they wrote
from_folders       finds the files that any other system wrote
constant_gain      learns the cheapest rival of a network
short_time         transforms sound, and turns it back
wiener             divides a mixture by what is known of all its sources
filtered           estimates behind that filter
wiener_flag        asks for them
oracles            estimates with knowledge of the sources
track_on_disk      reads and writes a track whose audio lies in files
bars               shows progress
"""
