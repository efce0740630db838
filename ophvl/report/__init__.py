"""What a dataset folder holds, for people and for scripts. Reads only, and only through the store."""
