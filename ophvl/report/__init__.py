"""Contents of a dataset folder, for people and for scripts. Reads only, and only through the store."""
