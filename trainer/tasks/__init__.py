"""Holds a folder for every task that can be learnt.

registry     finds a task by its name
learnt       reads what another run has learnt, to begin with
separators   makes the separator of a run, whichever way it is asked
on_records   what tasks that learn from tracks of records share
separation   estimates every source of a mixture
tagging      hears which instruments sound
ordering     puts clips of unlabelled music in order
generation   makes single sounds
query        answers one query at a time, of as many as are asked
"""
