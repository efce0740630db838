"""Which concepts of a narration are present, negated or hypothetical."""

import time
from dataclasses import replace

import pytest

from ophvl.text.concepts.assertion import Assertion, classify, find_scopes

PRESENT, NEGATED, HYPOTHETICAL = Assertion


def assertions(matcher, text):
    matches = matcher.find(text)
    return {m.surface.lower(): a for m, a in zip(matches, classify(matches, text), strict=True)}


@pytest.mark.parametrize(
    ("text", "surface", "assertion"),
    [
        ("No vitrectomy was needed.", "vitrectomy", NEGATED),
        ("The wound is closed without sutures.", "sutures", NEGATED),
        ("The wound is closed without sutures.", "wound", PRESENT),
        ("Sutures were not needed.", "sutures", NEGATED),
        ("We didn't see vitreous loss.", "vitreous loss", NEGATED),
        (
            "There is no sign of posterior capsule rupture or iris prolapse.",
            "iris prolapse",
            NEGATED,
        ),
        ("No sutures, patches or fibrin glue are used.", "fibrin glue", NEGATED),
        ("No bleeding, and I aspirate the cortex.", "aspirate", PRESENT),
        (
            "We see, here, no sutures, patches or fibrin glue, and then iris.",
            "fibrin glue",
            NEGATED,
        ),
        ("We see, here, no sutures, patches or fibrin glue, just the iris.", "iris", PRESENT),
        ("No sutures but a bandage contact lens.", "bandage contact lens", PRESENT),
        ("I use viscoelastic instead of trypan blue.", "trypan blue", NEGATED),
        ("I polish without touching the endothelium.", "endothelium", PRESENT),
        ("There is no capsule left.", "capsule", NEGATED),
        ("This is not only phaco.", "phaco", PRESENT),
        ("Without touching the iris I aspirate.", "aspirate", PRESENT),
        ("If the capsule tears, convert to ECCE.", "capsule tears", HYPOTHETICAL),
        ("If the capsule tears, convert to ECCE.", "ecce", PRESENT),
        ("In case of bleeding use cautery.", "bleeding", HYPOTHETICAL),
        ("There is a risk of endophthalmitis.", "endophthalmitis", HYPOTHETICAL),
        ("Posterior capsule rupture may occur here.", "posterior capsule rupture", HYPOTHETICAL),
        ("We see vitreous loss, and endophthalmitis may occur.", "vitreous loss", PRESENT),
        ("We see vitreous loss, and endophthalmitis may occur.", "endophthalmitis", HYPOTHETICAL),
        ("To avoid iris prolapse we suture the wound.", "iris prolapse", HYPOTHETICAL),
        ("To avoid iris prolapse we suture the wound.", "suture", PRESENT),
        ("If you look closely the capsulorhexis is round.", "capsulorhexis", PRESENT),
        ("The capsulorhexis is complete.", "capsulorhexis", PRESENT),
        ("If the bleeding does not stop, use cautery.", "bleeding", HYPOTHETICAL),
        ("Do not pull the forceps out.", "pull", NEGATED),
        ("Do not pull the forceps out.", "forceps", PRESENT),
        ("We did not use forceps.", "forceps", NEGATED),
        ("I have no financial interest in the trocars.", "trocars", PRESENT),
        ("No sutures and she is given cefuroxime.", "cefuroxime", PRESENT),
        ("We don't inject air.", "air", NEGATED),
        ("The pupil would not dilate.", "dilate", NEGATED),
        ("The pupil wouldn't dilate.", "dilate", NEGATED),
        ("The pupil could not be dilated.", "dilated", NEGATED),
        ("The pupil could not be dilated.", "pupil", PRESENT),
        ("Unless the bleeding stops, use cautery.", "bleeding", HYPOTHETICAL),
        ("Whether there is bleeding is unclear.", "bleeding", HYPOTHETICAL),
        ("Without removing capsule we aspirate.", "capsule", PRESENT),
        ("Bleeding was not seen, but edema was.", "bleeding", NEGATED),
        ("Bleeding was not seen, but edema was.", "edema", PRESENT),
        ("There is a risk of bleeding, not of edema.", "bleeding", HYPOTHETICAL),
        ("There is a risk of bleeding, not of edema.", "edema", NEGATED),
        ("There is no tear of the capsule.", "capsule", PRESENT),
        ("No cut sutures were left.", "sutures", NEGATED),
        ("Unless we see bleeding, we go on.", "bleeding", HYPOTHETICAL),
        ("I inject aflibercept instead of ranibizumab.", "aflibercept", PRESENT),
        ("I inject aflibercept instead of ranibizumab.", "ranibizumab", NEGATED),
    ],
)
def test_assertion_of_a_concept(matcher, text, surface, assertion):
    assert assertions(matcher, text)[surface] is assertion


@pytest.mark.parametrize(
    ("text", "assertion"),
    [
        ("There is bleeding.", PRESENT),
        ("There is no bleeding.", NEGATED),
        ("If bleeding occurs, we stop.", HYPOTHETICAL),
        ("If there is no bleeding, we go on.", HYPOTHETICAL),
        ("In case there is no bleeding we go on.", HYPOTHETICAL),
        ("There may be no bleeding.", NEGATED),
        ("There is no risk of bleeding.", NEGATED),
        ("There may be bleeding.", HYPOTHETICAL),
        ("Bleeding may occur.", HYPOTHETICAL),
        ("We avoid bleeding.", HYPOTHETICAL),
    ],
)
def test_a_condition_decides_over_negation_and_negation_over_supposition(matcher, text, assertion):
    assert assertions(matcher, text)["bleeding"] is assertion


def test_a_scope_ends_before_the_border_word(matcher):
    text = "No keratitis after minor trauma."
    (keratitis,) = matcher.find("keratitis")
    start = text.index("keratitis")
    inside = replace(keratitis, start=start, end=start + len("keratitis"))
    behind = replace(keratitis, start=text.index("after"), end=len(text) - 1)
    assert classify([inside, behind], text) == [NEGATED, PRESENT]


@pytest.mark.parametrize("text", ["", "no", "No.", "if", "without", "not, not, not", "n't"])
def test_cues_alone_do_no_harm(text):
    assert all(0 <= scope.start <= scope.end <= len(text) for scope in find_scopes(text))
    assert classify([], text) == []


def test_a_scope_has_an_end(matcher):
    text = "no " + "word " * 60 + "capsulorhexis"
    assert assertions(matcher, text)["capsulorhexis"] is PRESENT


def test_time_grows_in_proportion_to_the_text(matcher):
    def seconds(times):
        """The least of three: garbage collection does not count."""
        text = "no phaco " * times
        matches = matcher.find(text)
        tries = []
        for _ in range(3):
            started = time.process_time()
            classify(matches, text)
            tries.append(time.process_time() - started)
        return min(tries)

    assert seconds(12_000) < 10 * seconds(3000)


@pytest.mark.parametrize(
    "cue",
    [
        *("no", "without", "absence of", "lack of", "free of", "instead of", "rather than"),
        *(
            "neither",
            "not",
            "never",
            "we cannot see",
            "we don't see",
            "it isn't",
            "it doesn't show",
        ),
    ],
)
def test_each_denial_before_a_finding_negates_it(matcher, cue):
    assert assertions(matcher, f"There is {cue} bleeding.")["bleeding"] is NEGATED


@pytest.mark.parametrize(
    "words",
    [
        *("no longer any", "no doubt of", "no more than", "not only", "not just", "not merely"),
        *("no financial", "no commercial", "no conflict over"),
    ],
)
def test_what_follows_a_denial_may_show_that_it_denies_nothing(matcher, words):
    assert assertions(matcher, f"It is {words} bleeding.")["bleeding"] is PRESENT


@pytest.mark.parametrize(
    "rest",
    [
        *(f"were not {verb}" for verb in ("needed", "required", "necessary", "used", "placed")),
        *(f"was never {verb}" for verb in ("seen", "present", "done", "given", "made", "noted")),
        *("weren't needed", "isn't present", "aren't used", "were not really needed"),
        *("are absent", "is unnecessary"),
    ],
)
def test_each_denial_after_its_object_negates_it(matcher, rest):
    assert assertions(matcher, f"Sutures {rest}.")["sutures"] is NEGATED
    assert assertions(matcher, f"A tear, sutures {rest}.")["tear"] is PRESENT


@pytest.mark.parametrize(
    "cue",
    [
        *("if", "in case of", "in the event of", "unless", "whether", "a risk of", "risks of"),
        *("a chance of", "the danger of", "may be", "might be", "could be", "would be"),
        *("we avoid", "avoiding", "to prevent", "preventing", "be careful not to cause"),
        "so as not to cause",
    ],
)
def test_each_supposition_makes_what_follows_hypothetical(matcher, cue):
    assert assertions(matcher, f"Here {cue} bleeding.")["bleeding"] is HYPOTHETICAL


@pytest.mark.parametrize("verb", ["occur", "happen", "result", "develop", "follow", "arise"])
@pytest.mark.parametrize("modal", ["may", "might also", "can", "could", "would"])
def test_each_supposition_after_its_object_makes_it_hypothetical(matcher, modal, verb):
    assert assertions(matcher, f"Bleeding {modal} {verb}.")["bleeding"] is HYPOTHETICAL


@pytest.mark.parametrize(
    "border",
    [
        *(".", ";", ":", " but", " however", " although", " though", " so", " because", " since"),
        *(" then", " except", " while", " which", " until", " once", " after", " and there is"),
        *(" and we see", " and the", " and now", " and an", ", I see", " and it shows"),
    ],
)
def test_each_border_ends_the_scope(matcher, border):
    found = assertions(matcher, f"There is no bleeding{border} edema.")
    assert (found["bleeding"], found["edema"]) == (NEGATED, PRESENT)


@pytest.mark.parametrize(
    "verb",
    [
        *("pull", "push", "touch", "remove", "withdraw", "rotate", "lift", "grasp", "hold"),
        *("release", "tilt", "move", "drop", "turn", "tighten", "cut", "damage"),
    ],
)
def test_an_instrument_that_is_not_handled_is_there(matcher, verb):
    assert assertions(matcher, f"Do not {verb} the forceps.")["forceps"] is PRESENT


def test_what_stands_far_before_a_denial_is_not_denied(matcher):
    between = "which lies in this picture over here a bit to the side of where we look now mostly "
    found = assertions(matcher, f"The iris {between * 2}and the sutures were absent")
    assert (found["iris"], found["sutures"]) == (PRESENT, NEGATED)
