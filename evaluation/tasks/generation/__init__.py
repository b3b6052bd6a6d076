"""Scores a run that makes single sounds: those that come back, those by dice, and their faults.

room            what evaluation.evaluate asks for
sound_sets      sounds of records or of dice, with their levels
reconstruction  how far unseen sounds are from how they come back, beside rivals
resemblance     how alike sounds by dice are to unseen ones, and to those of training
referee         a classifier of real sounds that judges made ones
paths           how evenly a sound becomes another one
faults          what a generator may suffer from
document        the page
report          what it is made of
sections        its parts
method          how it was scored, in words
tables          its tables
sounds          its players
"""
