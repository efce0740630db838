"""Hierarchical, retrieval-augmented video-language pretraining for eye surgery."""

__version__ = "0.1.0"
