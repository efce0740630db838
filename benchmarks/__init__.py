"""Measurements that are too slow, or need data, for the tests. Each prints what the documents claim."""
