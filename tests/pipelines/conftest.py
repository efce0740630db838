"""What the stage tests share: the real ontology, loaded once."""

import pytest


@pytest.fixture(scope="session")
def matcher():
    from ophvl.ontology import load
    from ophvl.text.matching import Matcher

    return Matcher(load())
