"""Structured titles: mentions, fields, laterality, and whether a title is surgical."""
