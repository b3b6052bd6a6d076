"""Brings the sounds on which benchmarks learn and are scored; none of them is part of the project.

debian_sounds    sounds of Debian's packages, by checksum
songs            six real songs of two bands, as guitar and rest
game_music       electronic and orchestral music of three games
prompts          spoken sentences in English and French
narrow           makes sounds alike in bandwidth and level
rendered_music   notes of pieces and songs
sound_fonts      plays notes by a font
"""
