"""Computes the metrics of signals.

bss_eval           BSS Eval, versions 3 and 4
energies           the energies that its ratios relate
si_sdr             the scale-invariant SDR and SAR
mask_bins          bins on the right side of the ideal binary mask
cepstra            what a linear classifier hears of windows
reference_space    projections on what filters make of references
least_squares      the projections themselves, exact to the last digits
solvers            factors of block Toeplitz matrices
delays             the matrix of delayed references, times a vector
mir_eval_backend   BSS Eval v3 by mir_eval
"""
