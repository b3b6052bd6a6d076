"""Holds what each task scores and shows.

room         what the evaluation of a task is to the commands
registry     finds it by the name of the task
pipeline     scores a run and writes its report
finishing    writes what was scored
origin       says on a report where its figures come from
comparisons  finds what compares runs of a task
separation   segments of every source of every track
tagging      instruments that are heard, column by column
ordering     clips of music that are put in order
generation   single sounds that come back, or are made by dice
query        what is there, by name and by recordings, and its segments
"""
