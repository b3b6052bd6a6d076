"""Provides tracks with the estimates of some system, on a disk.

estimated_system   a run and its records, opened
from_records       its estimates of the tracks of the records
from_originals     its estimates at the rate of the original files
from_folders       files that any other system wrote
oracles            estimates that know the sources
track_on_disk      a track whose audio lies in files
bars               progress
"""
