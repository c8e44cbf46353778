"""matcher: who helps whom, when, with a proof."""

__version__ = "0.1.0"
