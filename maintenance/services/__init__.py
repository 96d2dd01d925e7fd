"""Use cases of maintenance; the only writers of this area."""
