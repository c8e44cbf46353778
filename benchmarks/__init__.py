"""Runnable comparisons with peers: everything in one run, on one machine, as ratios."""
