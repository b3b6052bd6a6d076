"""Computes the metrics of signals.

bss_eval           BSS Eval, versions 3 and 4, SI-SDR
least_squares      the projections that they need
mir_eval_backend   the same by mir_eval
"""
