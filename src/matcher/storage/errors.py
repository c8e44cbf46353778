"""What can be wrong with a database at start-up."""

__all__ = ["DatabaseStartError"]


class DatabaseStartError(RuntimeError):
    """The database cannot be used; the text says why and what the operator can do."""
