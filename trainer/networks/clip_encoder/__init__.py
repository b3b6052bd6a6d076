"""Is the network that hears single clips.

bodies    what it is made of
network   the whole
"""
