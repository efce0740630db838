"""The trainer's prompts and the toolkit's ontology speak of the same concepts."""

import pytest

from ophclip.evaluation.zero_shot import Prompt, read_prompts
from ophvl.text.concepts.matching import Matcher


@pytest.mark.parametrize("prompt", read_prompts(), ids=lambda prompt: prompt.name)
def test_each_class_is_a_phase_that_the_ontology_finds_by_its_name(
    prompt: Prompt, matcher: Matcher
) -> None:
    assert prompt.concept_id in matcher.ontology.concepts
    found = {match.concept_id for match in matcher.find(prompt.name)}
    assert prompt.concept_id in found
