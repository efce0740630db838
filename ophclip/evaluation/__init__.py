"""Evaluate a trained model: zero-shot classification, metrics, reports."""
