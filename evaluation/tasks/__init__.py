"""Holds what each task scores and shows.

room         what the evaluation of a task is to the commands
registry     finds it by the name of the task
separation   segments of every source of every track
"""
