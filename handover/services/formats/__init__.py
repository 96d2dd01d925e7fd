"""Forms into which credentials are put, one module each: values in, bytes out, and back for the proof."""
