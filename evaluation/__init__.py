"""Checkpoints to estimates, segment-wise scores and reports."""
