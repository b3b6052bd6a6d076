"""Turns tracks into scores, in processes of bounded memory.

all_tracks           one track after the other
one_track            one track in several processes
segment_groups       some segments of it, as a process reads them
one_segment          the rows of a segment
segment_metrics      its statuses and metrics
segment_bins         which bins its estimates decide rightly
museval_rules        the same as museval has them
track_filters        filters of a whole track
track_fit            the fit of these filters
track_correlations   what the fit needs of every group of segments
labels_audit         the audit of what the labels do
label_measures       its figures
workers              the processes
"""
