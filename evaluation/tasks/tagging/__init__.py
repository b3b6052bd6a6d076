"""Scores which instruments a run hears, column by column, and makes the page of it.

room          listens to the tracks of a split, scores, reports
answers       what a system said of the columns of all tracks
scores        how right it was, by instrument, and its table of scores
resampling    how far figures would move with other tracks
rivals        what learns nothing, and a linear classifier
tables        the tables of the page
figures       its drawings: calibration, and a strip for each track
document      the page
"""
