"""Use cases of support; the only writers."""
