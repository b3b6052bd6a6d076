"""Holds what benchmarks that train networks share: commands, results and rivals."""
