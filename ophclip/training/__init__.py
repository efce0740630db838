"""The training loop, its objective, optimiser and checkpoints."""
