"""Loops over arrays, compiled by numba where it is there and read as plain Python where it is not."""
