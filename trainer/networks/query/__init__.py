"""Answers one query at a time, of as many as are asked.

network       a Wave-U-Net with one head that a query steers
audio_query   some seconds of an instrument as a query
"""
