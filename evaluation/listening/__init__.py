"""Chooses and encodes what a page lets people hear.

clips       chooses and cuts them
sounds      encodes them
recorder    takes them from a run
"""
