"""Use cases of monitoring: the only writers."""
