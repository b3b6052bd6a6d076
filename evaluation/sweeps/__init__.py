"""Trains and scores a table of settings.

combinations  the runs of a table
page          the page that sets them beside each other
"""
