"""Executors of unit stages: one module each, all with the same `run`."""
