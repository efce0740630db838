"""What the tests of the language parts share: the packaged ontology, loaded once."""

import pytest

from ophvl.ontology import load
from ophvl.text.concepts.matching import Matcher


@pytest.fixture(scope="session")
def matcher() -> Matcher:
    return Matcher(load())
