"""Text in, dataclass out."""
