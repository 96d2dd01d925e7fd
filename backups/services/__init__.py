"""Use cases of backups; the only writers."""
