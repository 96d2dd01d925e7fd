"""Use cases of people and their ways in."""
