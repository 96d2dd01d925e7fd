"""Text in, plain values out."""
