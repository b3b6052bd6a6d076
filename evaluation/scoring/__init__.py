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
audits               what labels and notes do, and what is kept of it
label_measures       one network, told right and wrong labels
note_measures        the same of notes
workers              the processes
"""
