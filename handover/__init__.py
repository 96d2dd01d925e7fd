"""Handover: the package, runbooks, walkthroughs, access provably gone (a later issue fills this area)."""
