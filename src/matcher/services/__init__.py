"""Use cases: what the service does, without knowing who asked."""
