"""How good and how fast the text side is: `python -m benchmarks.language --help`."""
