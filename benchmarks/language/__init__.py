"""Measure quality and speed of the text processing: `python -m benchmarks.language --help`."""
