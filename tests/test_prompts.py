"""The trainer's prompts and the toolkit's ontology speak of the same concepts."""

import pytest

from ophclip.evaluation.zero_shot import Prompt, read_prompts
from ophvl.ontology import load
from ophvl.text.concepts.matching import Matcher

MATCHER = Matcher(load())


@pytest.mark.parametrize("prompt", read_prompts(), ids=lambda prompt: prompt.name)
def test_each_class_is_a_phase_that_the_ontology_finds_by_its_name(prompt: Prompt) -> None:
    assert prompt.concept_id in MATCHER.ontology.concepts
    found = {match.concept_id for match in MATCHER.find(prompt.name)}
    assert prompt.concept_id in found
