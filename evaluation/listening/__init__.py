"""Chooses and encodes what a page lets people hear.

clips                chooses clips
archive              keeps them in clips.zip
sounds               encodes and draws them
three_spectrograms   draws what training changed
recorder             takes them from a run
file_reader          takes them from files
"""
