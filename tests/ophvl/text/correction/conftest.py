"""What the tests of corrections share: the lexicon of the packaged ontology, built once."""

import pytest

from ophvl.ontology import Ontology
from ophvl.text.correction.lexicon import Lexicon


@pytest.fixture(scope="session")
def lexicon(ontology: Ontology) -> Lexicon:
    return Lexicon(ontology)
