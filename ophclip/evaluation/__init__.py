"""Zero-shot evaluation, metrics and reports."""
