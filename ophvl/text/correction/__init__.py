"""Correction of misheard terms by the ontology."""
