"""Read shards, build training batches, sample and augment frames."""
