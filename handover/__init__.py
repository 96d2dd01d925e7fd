"""Handover: papers that keep themselves, runbooks that run, the package, and our access provably gone."""
