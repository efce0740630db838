"""Shards, batches, sampling and augmentation."""
