"""The vault: what must never be readable from the database alone."""
