"""The version of ophclip: written into checkpoints and results, printed by `ophclip --version`."""

__version__ = "0.1.0"
