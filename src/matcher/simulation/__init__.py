"""Synthetic cities and replays of real days: what the matching is measured on."""
