"""What is fast and how fast: `make bench` measures and prints; nothing here is asserted, and no test runs it."""
