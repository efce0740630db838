"""Narrations: sentences, disfluencies, descriptive score, rewriting."""
