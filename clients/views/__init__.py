"""Pages of clients and systems."""
