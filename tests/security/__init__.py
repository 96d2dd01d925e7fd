"""The portal's own security."""
