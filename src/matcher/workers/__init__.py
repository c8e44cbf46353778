"""The way in of jobs: what was handed in by a transaction is done here, after it."""
