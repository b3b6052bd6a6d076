"""Times the project beside rivals, measured in the same run; each benchmark prints a ratio."""
