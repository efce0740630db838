"""One adapter for each heavy tool. Nothing here imports its tool before it is used."""
