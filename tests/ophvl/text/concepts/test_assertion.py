"""What a narration denies, supposes and affirms."""

import time

import pytest

from ophvl.text.concepts.assertion import Assertion, judge, scopes

AFFIRMED, NEGATED, HYPOTHETICAL = Assertion


def said(matcher, text):
    matches = matcher.find(text)
    return {m.surface.lower(): a for m, a in zip(matches, judge(matches, text), strict=True)}


@pytest.mark.parametrize(
    ("text", "surface", "assertion"),
    [
        ("No vitrectomy was needed.", "vitrectomy", NEGATED),
        ("The wound is closed without sutures.", "sutures", NEGATED),
        ("The wound is closed without sutures.", "wound", AFFIRMED),
        ("Sutures were not needed.", "sutures", NEGATED),
        ("We didn't see vitreous loss.", "vitreous loss", NEGATED),
        (
            "There is no sign of posterior capsule rupture or iris prolapse.",
            "iris prolapse",
            NEGATED,
        ),
        ("No sutures, patches or fibrin glue are used.", "fibrin glue", NEGATED),
        ("No bleeding, and I aspirate the cortex.", "aspirate", AFFIRMED),
        ("No sutures but a bandage contact lens.", "bandage contact lens", AFFIRMED),
        ("I use viscoelastic instead of trypan blue.", "trypan blue", NEGATED),
        ("I polish without touching the endothelium.", "endothelium", AFFIRMED),
        ("There is no capsule left.", "capsule", NEGATED),
        ("This is not only phaco.", "phaco", AFFIRMED),
        ("Without touching the iris I aspirate.", "aspirate", AFFIRMED),
        ("If the capsule tears, convert to ECCE.", "capsule tears", HYPOTHETICAL),
        ("If the capsule tears, convert to ECCE.", "ecce", AFFIRMED),
        ("In case of bleeding use cautery.", "bleeding", HYPOTHETICAL),
        ("There is a risk of endophthalmitis.", "endophthalmitis", HYPOTHETICAL),
        ("Posterior capsule rupture may occur here.", "posterior capsule rupture", HYPOTHETICAL),
        ("To avoid iris prolapse we suture the wound.", "iris prolapse", HYPOTHETICAL),
        ("To avoid iris prolapse we suture the wound.", "suture", AFFIRMED),
        ("If you look closely the capsulorhexis is round.", "capsulorhexis", AFFIRMED),
        ("The capsulorhexis is complete.", "capsulorhexis", AFFIRMED),
        ("If the bleeding does not stop, use cautery.", "bleeding", HYPOTHETICAL),
        ("Do not pull the forceps out.", "pull", NEGATED),
        ("Do not pull the forceps out.", "forceps", AFFIRMED),
        ("We did not use forceps.", "forceps", NEGATED),
        ("I have no financial interest in the trocars.", "trocars", AFFIRMED),
        ("No sutures and she is given cefuroxime.", "cefuroxime", AFFIRMED),
        ("We don't inject air.", "air", NEGATED),
        ("The pupil would not dilate.", "dilate", NEGATED),
        ("The pupil wouldn't dilate.", "dilate", NEGATED),
        ("The pupil could not be dilated.", "dilated", NEGATED),
        ("The pupil could not be dilated.", "pupil", AFFIRMED),
    ],
)
def test_what_a_narration_says(matcher, text, surface, assertion):
    assert said(matcher, text)[surface] is assertion


@pytest.mark.parametrize("text", ["", "no", "No.", "if", "without", "not, not, not", "n't"])
def test_cues_alone_do_no_harm(text):
    assert all(0 <= scope.start <= scope.end <= len(text) for scope in scopes(text))
    assert judge([], text) == []


def test_a_scope_has_an_end(matcher):
    text = "no " + "word " * 60 + "capsulorhexis"
    assert said(matcher, text)["capsulorhexis"] is AFFIRMED


def test_judging_takes_time_in_proportion(matcher):
    def seconds(times):
        """The least of three: a collection of garbage, say, is not the judging's time."""
        text = "no phaco " * times
        matches = matcher.find(text)
        tries = []
        for _ in range(3):
            started = time.process_time()
            judge(matches, text)
            tries.append(time.process_time() - started)
        return min(tries)

    assert seconds(12_000) < 10 * seconds(3000)
