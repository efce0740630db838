"""The ontology of eye surgery: concepts of twelve kinds with their terms, as reviewable text files.

`concepts/<kind>.tsv` holds one concept a line: concept_id (`<kind>:<slug>`), label (preferred term, American
spelling), synonyms and abbreviations (parted by |), parent, ICD-10-CM code, source. Regular plurals, verb
forms, British spellings and split compounds are made by rule (`forms.py`) and are not listed.
`ambiguous.tsv` decides between concepts of different kinds that share a word (`loader.Rule`).
"""

from ophvl.ontology.loader import Concept, Ontology, Register, Rule, load

__all__ = ["Concept", "Ontology", "Register", "Rule", "load"]
