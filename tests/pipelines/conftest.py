"""What the stage tests share: the real ontology with its tagger and corrector, loaded once."""

import pytest

from ophvl.ontology import load
from ophvl.text.concepts.matching import Matcher
from ophvl.text.concepts.tagging import Tagger
from ophvl.text.correction.corrector import Corrector


@pytest.fixture(scope="session")
def matcher() -> Matcher:
    return Matcher(load())


@pytest.fixture(scope="session")
def tagger(matcher: Matcher) -> Tagger:
    return Tagger(matcher)


@pytest.fixture(scope="session")
def corrector(matcher: Matcher) -> Corrector:
    return Corrector(matcher.ontology)
