"""Use cases of clients and systems; the only writers of this area."""
