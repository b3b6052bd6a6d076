"""Turns tracks into scores, in processes of bounded memory.

all_tracks      one track after the other
one_track       one track in several processes
batches         some segments of it, as a process reads them
one_segment     statuses and metrics of a segment
track_filters   filters of a whole track
workers         the processes
"""
