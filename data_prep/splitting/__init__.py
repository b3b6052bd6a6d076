"""Solves which splits of URMP are possible, and which are best.

problem     says which pieces stay together, and in which splits they may be
solutions   finds the best splits, as an integer program
"""
