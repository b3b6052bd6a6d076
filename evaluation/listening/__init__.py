"""Chooses and encodes what a page lets people hear.

clips         chooses clips, and keeps them in an archive
sounds        encodes and draws them
recorder      takes them from a run
file_reader   takes them from files
"""
