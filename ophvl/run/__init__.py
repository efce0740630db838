"""Running stages on a dataset folder: planning, workers, commits, retries."""
