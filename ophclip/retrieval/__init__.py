"""The memory bank and exact top-k search."""
