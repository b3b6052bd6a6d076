"""Holds a folder for every task that can be learnt.

registry     finds a task by its name
separation   estimates every source of a mixture
"""
