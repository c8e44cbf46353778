"""Words and rules of neighbourhood help; the standard library alone."""
