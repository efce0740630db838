"""Turn eye-surgery videos into a hierarchical video-text dataset."""

__version__ = "0.1.0"
