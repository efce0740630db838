"""Structured titles: mentions, fields, laterality, and whether a video is surgical."""
