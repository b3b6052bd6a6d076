"""Holds a network that makes single sounds: ``network`` is it, ``critic`` judges what it makes."""
