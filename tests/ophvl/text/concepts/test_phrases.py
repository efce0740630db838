"""Objectives, causes and advice: where each begins and ends, and what only looks like one."""

import pytest

from ophvl.text.concepts.cue_index import CueIndex
from ophvl.text.concepts.phrases import find_phrases
from schemas.vocab import Kind
from tests.ophvl.text.concepts.spans import phrases


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        (
            "I fill the chamber with Healon to protect the endothelium.",
            "to protect the endothelium",
        ),
        ("To avoid hypotony I close the sclerotomies.", "To avoid hypotony"),
        ("It is polished so that no cells remain behind.", "so that no cells remain behind"),
        (
            "I turn the prism in order to see the angle and advance the blade.",
            "in order to see the angle",
        ),
        (
            "The aim is to lower the pressure and preserve vision.",
            "to lower the pressure and preserve vision",
        ),
        ("We inject air, to unfold the graft, and wait.", "to unfold the graft"),
        ("The forceps used to grasp the flap are fine.", "to grasp the flap"),
        ("Fluid goes in to reform the chamber because it is shallow.", "to reform the chamber"),
        ("A tube is passed for stenting the system.", "for stenting the system"),
        ("Blue dye for better visualization.", "for better visualization"),
        ("I sit him up to check the lid height.", "to check the lid height"),
        ("We inject saline to confirm it is open.", "to confirm it is open"),
    ],
)
def test_objectives(matcher, text, objective):
    assert phrases(matcher, text, Kind.OBJECTIVE) == [objective]


@pytest.mark.parametrize(
    "text",
    [
        "I want to show the capsule.",
        "We begin to crack the nucleus.",
        "You need to wait.",
        "I used to do the scleral tunnel.",
        "It is sutured to the sclera.",
        "The tube goes to nasal mucosa, next to the limbus.",
        "The next step is to inject the dye.",
        "So that is the capsule.",
        "Thank you for watching the video.",
        "It is important to keep calm.",
    ],
)
def test_plain_infinitives_and_places_are_no_objectives(matcher, text):
    assert phrases(matcher, text, Kind.OBJECTIVE) == []


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Angle closure caused by a swollen lens responds well.", "caused by a swollen lens"),
        ("A cataract due to years of steroids.", "due to years of steroids"),
        ("Glaucoma secondary to uveitis, so we operate.", "secondary to uveitis"),
        ("Keratoconus from eye rubbing is treated here.", "from eye rubbing"),
        ("A corneal ulcer after minor trauma with a thin base.", "after minor trauma"),
        ("A cataract secondary to UV the patient got as a child.", "secondary to UV"),
        (
            "This ptosis following years of lens wear the levator is slack.",
            "following years of lens wear",
        ),
    ],
)
def test_causes(matcher, text, cause):
    assert phrases(matcher, text, Kind.DISEASE_CAUSE) == [cause]


def test_a_border_right_after_a_cue_is_none(matcher):
    text = "A haemorrhage secondary to treated hypertension."
    assert phrases(matcher, text, Kind.DISEASE_CAUSE) == ["secondary to treated hypertension"]


def test_a_cue_at_the_end_of_a_text_names_no_cause(matcher):
    assert phrases(matcher, "the cataract after", Kind.DISEASE_CAUSE) in ([], ["after"])


def test_a_condition_that_stands_apart_has_no_cause_here(matcher):
    text = "The cataract is older than the wound from trauma."
    assert phrases(matcher, text, Kind.DISEASE_CAUSE) == []
    assert phrases(matcher, "The cataract of the eye from trauma.", Kind.DISEASE_CAUSE) == [
        "from trauma"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "We extract the cataract from the bag.",
        "I peel it from the fovea after staining the membrane.",
        "The cataract after that was easy.",
        "Due to popular demand here is a talk.",
        "From here on it is simple.",
    ],
)
def test_places_and_times_are_no_causes(matcher, text):
    assert phrases(matcher, text, Kind.DISEASE_CAUSE) == []


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("She wears a plastic shield at night.", ["wears a plastic shield at night"]),
        (
            "Antibiotic drops four times a day for two weeks.",
            ["Antibiotic drops four times a day for two weeks"],
        ),
        ("Rest face down for three days so that it closes.", ["Rest face down for three days"]),
        ("No swimming for two weeks.", ["No swimming for two weeks"]),
        ("He must not rub his eyes.", ["not rub his eyes"]),
        ("Come back immediately if it hurts.", ["Come back immediately if it hurts"]),
        ("She is seen on the first postoperative day.", ["seen on the first postoperative day"]),
        (
            "Keep the stent in place for three months and return if it falls out.",
            ["Keep the stent in place for three months", "return if it falls out"],
        ),
        ("Cold packs for two days to limit swelling.", ["Cold packs for two days"]),
        ("It stays in for a week.", ["It stays in for a week"]),
    ],
)
def test_advice(matcher, text, advice):
    assert phrases(matcher, text, Kind.POSTOP_CARE) == advice


@pytest.mark.parametrize(
    "text",
    [
        "Do not lift the flap yet.",
        "I see you in the next video.",
        "Riboflavin every two minutes for half an hour.",
        "The graft lies face down on the glide.",
        "Avoid touching the endothelium.",
        "The infusion is checked in the vitreous cavity.",
        "I wait for ten seconds.",
    ],
)
def test_actions_in_the_eye_are_no_advice(matcher, text):
    assert phrases(matcher, text, Kind.POSTOP_CARE) == []


@pytest.mark.parametrize(
    "text", ["", " ", "to", "to to to", "due to", "so that", "no", "for", "\n", "after"]
)
def test_cues_alone_do_no_harm(matcher, text):
    for phrase in find_phrases(CueIndex(text), matcher.find(text)):
        assert 0 <= phrase.start < phrase.end <= len(text)


def test_a_phrase_has_an_end(matcher):
    text = "It is done to protect " + "the good " * 60 + "eye"
    (objective,) = phrases(matcher, text, Kind.OBJECTIVE)
    assert len(objective) < 150
    assert objective.endswith(("the", "good"))


@pytest.mark.parametrize(
    "cue",
    [
        *("due to", "secondary to", "caused by", "resulting from", "as a result of"),
        *("as a complication of", "owing to", "induced by", "attributed to", "triggered by"),
        *("brought on by", "stemming from", "arising from", "related to", "provoked by"),
        "on a background of",
    ],
)
def test_each_cue_of_a_cause_opens_one(matcher, cue):
    text = f"This cataract is {cue} blunt trauma."
    assert phrases(matcher, text, Kind.DISEASE_CAUSE) == [f"{cue} blunt trauma"]
    assert phrases(matcher, f"This is {cue} luck.", Kind.DISEASE_CAUSE) == []


@pytest.mark.parametrize("cue", ["from", "after", "following", "since", "because of"])
def test_these_words_open_a_cause_after_a_condition_alone(matcher, cue):
    text = f"A cataract {cue} blunt trauma."
    assert phrases(matcher, text, Kind.DISEASE_CAUSE) == [f"{cue} blunt trauma"]
    assert phrases(matcher, f"We see a cataract, {cue} the case.", Kind.DISEASE_CAUSE) == []
    assert phrases(matcher, f"We go on {cue} blunt trauma.", Kind.DISEASE_CAUSE) == []


@pytest.mark.parametrize("rest", ["that", "which", "the procedure", "two days", "here", "inside"])
def test_what_is_no_cause_is_none(matcher, rest):
    assert phrases(matcher, f"A cataract after {rest}.", Kind.DISEASE_CAUSE) == []


@pytest.mark.parametrize(
    "goal",
    [
        *("visualization", "better visibility", "hemostasis", "exposure", "extra protection"),
        *("stability", "prophylaxis", "traction", "tamponade", "centration", "fixation"),
        *("access", "drainage", "retraction", "stabilisation"),
    ],
)
def test_each_goal_after_for_is_an_objective(matcher, goal):
    text = f"We place a hook for {goal}."
    assert phrases(matcher, text, Kind.OBJECTIVE) == [f"for {goal}"]


@pytest.mark.parametrize("gerund", ["watching", "joining", "listening", "having", "waiting"])
def test_thanks_and_waits_are_no_objectives(matcher, gerund):
    assert phrases(matcher, f"Thank you for {gerund} the video.", Kind.OBJECTIVE) == []


def test_the_name_of_an_action_is_a_verb(matcher):
    text = "We move here to suture carefully."
    assert phrases(matcher, text, Kind.OBJECTIVE) == ["to suture carefully"]
    assert find_phrases(CueIndex(text), []) == []


def test_another_step_may_be_in_capitals(matcher):
    text = "I use a hook to enlarge the pupil and PLACE it."
    assert phrases(matcher, text, Kind.OBJECTIVE) == ["to enlarge the pupil"]


def test_a_noun_after_and_continues_the_objective(matcher):
    text = "I use a hook to protect the pupil and the lens."
    assert phrases(matcher, text, Kind.OBJECTIVE) == [text[len("I use a hook ") : -1]]
    text = "I use a hook to protect pupil and lens."
    assert phrases(matcher, text, Kind.OBJECTIVE) == [text[len("I use a hook ") : -1]]
