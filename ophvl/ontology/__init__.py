"""The ontology of eye surgery: concepts of twelve kinds with their terms, as reviewable text files.

`concepts/<kind>.tsv` has one concept a line: concept_id (`<kind>:<slug>`), label (preferred term, American
spelling), synonyms and abbreviations (separated by |), parent, ICD-10-CM code, source. Regular plurals,
verb forms, British spellings and split compounds follow by rule (`forms.py`) and are not listed.
`ambiguous.tsv` decides between concepts of different kinds that share a word (`loader.AmbiguityRule`).
`title_aliases.tsv` lists names of concepts that occur in titles alone (`loader.TitleAlias`).
"""

from ophvl.ontology.loader import AmbiguityRule, Concept, Ontology, Register, TitleAlias, load

__all__ = ["AmbiguityRule", "Concept", "Ontology", "Register", "TitleAlias", "load"]
