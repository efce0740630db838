"""Advice, word by word: each time, treatment, posture and activity by itself."""

import pytest

from tests.ophvl.text.concepts.spans import advice


def surfaces(text):
    """The advice of a text without what a part of it is."""
    found = advice(text)
    return [a for a in found if not any(a in b and a != b for b in found)]


@pytest.mark.parametrize(
    "number",
    [
        *["3", "a", "an", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
        *[
            "ten",
            "twelve",
            "fourteen",
            "few",
            "a couple of",
            "several",
            "the next two",
            "up to six",
        ],
        *[
            "about a",
            "another",
            "the first",
            "at least 3",
            "two to three",
            "two or three",
            "two more",
        ],
    ],
)
@pytest.mark.parametrize(
    "unit", ["day", "days", "week", "weeks", "month", "months", "nights", "years"]
)
def test_each_number_of_days(number, unit):
    assert surfaces(f"Eye pads for {number} {unit}.") == [f"Eye pads for {number} {unit}"]
    assert surfaces(f"Eye pads for {number} {unit}xx.") == []


@pytest.mark.parametrize(
    "time",
    [
        *[
            "at night",
            "every night",
            "each night",
            "over night",
            "for the night",
            "the first night",
        ],
        *["overnight", "tonight", "tomorrow", "at bedtime", "until we meet", "till we meet"],
        *["three times a day", "once per week", "twice every day", "thrice each day", "once daily"],
        *[
            "twice daily",
            "two times daily",
            "daily",
            "every two hours",
            "every hour",
            "every morning",
        ],
        *[
            "every evening",
            "every month",
            "every week",
            "every day",
            "hourly",
            "qid",
            "tds",
        ],
        *[
            "bid",
            "at two weeks",
            "in a week",
            "after the two days",
            "within a month",
        ],
        *["next day", "next morning", "next week", "next month", "on the first day", "second day"],
        *["third postoperative day", "following morning", "on day one", "after surgery", "at home"],
        *["postop", "post-op", "postoperatively", "outdoors", "while sleeping", "whilst asleep"],
    ],
)
def test_each_time_after_surgery(time):
    assert f"Eye pads {time}" in advice(f"Eye pads {time}.")
    assert advice("Eye pads now.") == []


@pytest.mark.parametrize("border", ["but", "because", "so", "which", "and then"])
def test_words_that_end_advice(border):
    assert surfaces(f"Eye pads for a week {border} glaucoma.") == ["Eye pads for a week"]


@pytest.mark.parametrize(
    "word",
    [
        *["no", "not", "avoid", "I", "we", "she", "he", "they", "you", "a", "an", "the", "then"],
        *[
            "face",
            "to",
            "wear",
            "keep",
            "return",
            "come",
            "take",
            "start",
            "sleep",
            "lie",
            "stay",
            "call",
        ],
    ],
)
def test_another_clause_after_and_ends_advice(word):
    assert advice(f"Eye pads for a week and {word} glaucoma.")[0] == "Eye pads for a week"
    assert advice("Eye pads for a week and glaucoma.") == ["Eye pads for a week and glaucoma"]


@pytest.mark.parametrize("to", ["to", "for"])
@pytest.mark.parametrize(
    "verb",
    [
        *["prevent", "avoid", "reduce", "limit", "protect", "keep", "control", "treat", "improve"],
        *["minimise", "minimize", "lower", "decrease"],
    ],
)
def test_the_purpose_of_advice_is_no_part_of_it(to, verb):
    assert advice(f"Eye pads for a week {to} {verb} it.") == ["Eye pads for a week"]


@pytest.mark.parametrize(
    "treatment",
    [
        *["eye shield", "shields", "patch", "eye patches", "pad", "pads", "dressing", "dressings"],
        *[
            "bandage",
            "contact lenses",
            "soft contact lens",
            "sunglasses",
            "glasses",
        ],
        *["drop", "drops", "ointment", "ointments", "steroid", "steroids", "antibiotic"],
        *["antibiotics", "lubricant", "lubricants", "tears", "compress", "compresses", "ice packs"],
        *["cold pack", "cool packs", "warm pack", "packs", "tablet", "tablets", "painkiller"],
        *[
            "painkillers",
            "massage",
            "massages",
            "taper",
            "tapered",
            "tapering",
            "pillow",
            "pillows",
        ],
        *["conformer", "bolster", "bolsters", "bed rest", "bedrest", "hygiene", "posture"],
        *["posturing", "positioning", "physiotherapy", "exercise", "exercises", "medication"],
        "medications",
    ],
)
def test_each_treatment(treatment):
    assert f"{treatment} for a week" in advice(f"On {treatment} for a week.")
    assert advice(f"On {treatment}zz for a week.") == []
    assert advice(f"On {treatment} for a cataract.") == []


@pytest.mark.parametrize("lead", ["", "must ", "should ", "to "])
@pytest.mark.parametrize(
    "verb",
    [
        *["stay", "stays", "keep", "keeps", "keeping", "remain", "remains", "lie", "lies", "lay"],
        *["lying", "sleep", "sleeps", "sleeping", "sit", "sits", "rest", "rests", "resting"],
        *["posture", "position"],
    ],
)
def test_each_verb_of_lying(lead, verb):
    assert f"{lead}{verb} upright for a week" in advice(f"{lead}{verb} upright for a week.")
    assert advice(f"{lead}{verb} upright.") == []


@pytest.mark.parametrize(
    "posture",
    [
        *["flat", "face down", "facedown", "face-down", "upright", "propped up", "supine", "prone"],
        *[
            "still",
            "on her back",
            "on his side",
            "on the front",
            "on your stomach",
            "on their back",
        ],
        *["with the head", "with her head", "with his head", "with your head", "very flat"],
    ],
)
def test_each_posture(posture):
    assert f"lie {posture} for a week" in advice(f"You lie {posture} for a week.")


@pytest.mark.parametrize(
    "posture", ["face down", "face-down", "head up", "head-down", "head elevated", "nose down"]
)
def test_a_posture_by_itself(posture):
    assert f"{posture} for a week" in advice(f"Patient {posture} for a week.")


@pytest.mark.parametrize(
    "words",
    [
        *["it stays in", "they stay on", "this remains out", "that stays off", "the lens stays in"],
        *["the big soft lens remains in place", "it is left there", "they are left dry"],
        *["it comes out", "it comes off", "they come out", "leave it in", "keep the lens closed"],
        *["left in", "remove it", "removed", "leave the soft big lens in"],
    ],
)
def test_what_stays_for_a_time(words):
    assert f"{words} for a week" in advice(f"Now {words} for a week.")
    assert advice(f"Now {words}.") == []


@pytest.mark.parametrize(
    "verb",
    [
        *["wear", "wears", "wearing", "continue", "continues", "use", "uses", "apply", "start"],
        *["starts", "starting", "stop", "stops", "take", "takes", "instil", "instill", "instills"],
        *["put in", "taper", "tapers", "tapering", "restart", "resume", "resumes"],
    ],
)
def test_what_is_used_for_a_time(verb):
    assert f"{verb} it for a week" in advice(f"You {verb} it for a week.")
    if not verb.startswith("taper"):  # a treatment by itself
        assert advice(f"You {verb} it at home.") == advice(f"You {verb} it post-op.") == []


@pytest.mark.parametrize(
    "no",
    [
        *["no", "avoid", "avoiding", "refrain from", "stay away from", "not", "not to", "never"],
        *["don't", "stop"],
    ],
)
@pytest.mark.parametrize(
    "activity",
    [
        *["fly", "flying", "swim", "swimming", "drive", "driving", "air travel", "contact sport"],
        *["contact sports", "sport", "sports", "gym", "heavy work", "strenuous work", "makeup"],
        *["make-up", "eye make-up", "mascara", "sauna", "hot tub", "hot tubs", "shower", "showers"],
        *["bending over", "bend down", "nose blowing", "blow her nose", "blowing his nose"],
        *["rub the eye", "eye rub his eyes", "rubbing your operated eye", "rubbing", "exercise"],
        *[
            "exertion",
            "lifting weights",
            "lifting heavy",
            "lift weights",
            "lift anything",
            "scuba",
        ],
        *["diving", "smoking", "getting it wet", "getting the eye wet", "any new sports"],
    ],
)
def test_each_forbidden_activity(no, activity):
    assert f"{no} {activity}" in advice(f"Now {no} {activity}.")


@pytest.mark.parametrize(
    "no", ["no", "avoid", "avoiding", "refrain from", "not to", "never", "don't"]
)
@pytest.mark.parametrize(
    "verb",
    [
        *["lift", "bend", "bending", "rub", "rubs", "strain", "straining", "touch", "touching"],
        *["blow", "blowing", "squeezing", "wash", "washing", "sneezing", "sleep", "wear", "work"],
        *["working", "play", "playing", "ever touch"],
    ],
)
def test_what_is_forbidden_for_a_time(no, verb):
    assert f"{no} {verb} it for a week" in advice(f"Now {no} {verb} it for a week.")
    assert f"{no} {verb} it" not in advice(f"Now {no} {verb} it.")


@pytest.mark.parametrize(
    "verb", ["come", "comes", "call", "calls", "return", "returns", "report", "reports"]
)
@pytest.mark.parametrize(
    "rest",
    [
        *["at once", "back immediately", "straight away", "if it hurts", "tomorrow", "in a day"],
        *["in two weeks", "us back in six months", "for review", "for follow up", "for follow-up"],
        "for followup",
    ],
)
def test_when_to_return(verb, rest):
    assert f"{verb} {rest}" in advice(f"You {verb} {rest}.")
    assert advice(f"You {verb} {rest[:1]}x.") == []


@pytest.mark.parametrize(
    "words",
    [
        *["seen", "see him", "review them", "reviewed in clinic", "look again", "check back"],
        *["checked again", "follow up visit", "followed up", "follow-up", "see the patient again"],
        *["check the pressure", "see her"],
    ],
)
def test_when_the_patient_is_seen(words):
    assert f"{words} in two weeks" in advice(f"We {words} in two weeks.")
    assert advice(f"We {words} and then in two weeks.") == []


@pytest.mark.parametrize(
    "words", ["avoid", "avoids", "avoiding", "refrain from", "nothing", "stay away from"]
)
def test_what_is_avoided_for_a_time(words):
    assert f"{words} cats for a week" in advice(f"Better {words} cats for a week.")
    assert advice(f"Better {words} cats.") == []


@pytest.mark.parametrize("copula", ["is", "are", "was", "were"])
@pytest.mark.parametrize("verb", ["given", "injected", "placed", "put", "used"])
def test_a_treatment_that_is_given_now_is_no_advice(copula, verb):
    assert advice(f"On drops {copula} {verb} for a week.") == []


@pytest.mark.parametrize("lead", ["no", "avoid", "not", "never", "wear", "keep", "use", "apply"])
def test_what_leads_known_advice_in(lead):
    text = f"Now {lead} sunglasses."
    start = text.index("sun")
    assert advice(text, [(start, start + 10)]) == [f"{lead} sunglasses"]
    text = f"Now {lead}x sunglasses."
    start = text.index("sun")
    assert advice(text, [(start, start + 10)]) == ["sunglasses"]


OUTSIDE = (
    "on in with gets get is are of to and a an the for have has had she he they we i you put puts place at "
    "then by should must will can may shall needs under over from as her his their your gives give given "
    "receives also plus or into after nightly"
)


@pytest.mark.parametrize("word", OUTSIDE.split())
def test_words_outside_the_noun_phrase(word):
    assert "green eye pads for a week" in advice(f"Now {word} green eye pads for a week.")


def test_a_noun_phrase_has_four_words_before_its_head_at_most():
    text = "Now big red soft green new eye pads for a week."
    assert advice(text) == ["red soft green new eye pads for a week"]
    assert advice("Now, green eye pads for a week.") == ["green eye pads for a week"]


def test_advice_without_a_border_ends_at_a_whole_word():
    (found,) = set(advice("Eye pads for a week " + "nice " * 40))
    assert len(found) <= 8 + 110
    assert found.endswith("nice")
    assert advice("Eye pads for a week  ") == ["Eye pads for a week"]


def test_a_noun_phrase_far_into_the_text_has_its_own_words():
    text = f"{'We wait. ' * 9}Now on green eye pads for a week."
    assert advice(text) == ["green eye pads for a week"]
