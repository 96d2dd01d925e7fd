"""Backups proven: coverage, drift, freshness, restore tests (a later issue fills this area)."""
