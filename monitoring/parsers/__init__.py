"""Text in, dataclasses out; pure."""
