"""Objectives and causes, word by word: each verb, cue and border by itself."""

import pytest

from ophvl.text.concepts.cue_index import CueIndex
from ophvl.text.concepts.phrases import find_phrases
from schemas.vocab import Kind
from tests.ophvl.text.concepts.spans import phrases

VERBS_OF_PURPOSE = (
    "achieve access adjust aid align allow anchor approximate assess assist assure avoid balance block "
    "break bring build bypass calm capture catch check clean clear close coat collapse compress confirm "
    "control correct counteract cover create cushion decompress decrease deepen define delay deliver "
    "demarcate detect determine dilate direct discourage displace distribute drain ease elevate eliminate "
    "encourage engage enhance enlarge ensure evaluate expand expose facilitate fill find fix fixate "
    "flatten flush form free gain guard guide halt help highlight hold identify immobilize improve "
    "increase inspect isolate keep leave let limit loosen lower lubricate lyse maintain make match "
    "maximize minimize mobilize neutralize normalize obtain occlude open optimize orient overcome permit "
    "position preserve pressurize prevent promote protect provide pull push raise reach reattach recenter "
    "recreate redistribute reduce reestablish reform regain reinforce relax release relieve remove reposit "
    "reposition repair resist restore retain retract rotate rule save seal seat secure see separate shield "
    "show slow smooth soften spare split stabilise stabilize stain stimulate stop straighten strengthen "
    "stretch supply support suppress take tamponade test tighten treat unfold unroll verify view visualise "
    "visualize weaken wet widen"
)


@pytest.mark.parametrize("verb", VERBS_OF_PURPOSE.split())
def test_a_verb_of_purpose_needs_no_object(verb):
    text = f"We did so much to {verb} hastily."
    cues = CueIndex(text)  # no matches: an action's name is a verb in any case
    assert [text[p.start : p.end] for p in find_phrases(cues, [])] == [f"to {verb} hastily"]


WORDS_BEFORE_AN_INFINITIVE = (
    "want wants wanted like love need needs needed begin begins began start starts started starting "
    "continue continues continued try tries tried trying have has had having going ought hope hopes easy "
    "easier hard harder difficult important possible impossible ready prefer tend tends tended seem seems "
    "seemed appear appears decide decided happy enough able unable sure how what when where which whether "
    "way time willing remember forget let plan planned planning choose chose manage managed fail failed "
    "fails refuse wish expect expected expects supposed said reported known found get gets got come comes "
    "came us you tempting safe safer better best wise necessary essential mandatory advisable not prone "
    "likely unlikely about proceed proceeds due secondary attention close next adjacent attached adherent "
    "distal proximal anterior posterior parallel perpendicular prior according related are were been"
)


@pytest.mark.parametrize("word", WORDS_BEFORE_AN_INFINITIVE.split())
def test_a_plain_infinitive_after_this_word_is_no_objective(word):
    text = f"People there {word} to protect the lens."
    assert find_phrases(CueIndex(text), []) == []
    text = f"People there {word} in order to protect the lens."
    assert [p.kind for p in find_phrases(CueIndex(text), [])] == [Kind.OBJECTIVE]


@pytest.mark.parametrize(
    "word",
    ["aim", "goal", "idea", "purpose", "objective", "intention", "point", "plan", "trick", "hope"],
)
def test_what_is_the_goal_is_an_objective(word):
    text = f"The {word} of it is to protect the lens."
    assert [text[p.start : p.end] for p in find_phrases(CueIndex(text), [])] == [
        "to protect the lens"
    ]
    text = f"The {word}; it is to protect the lens."
    assert find_phrases(CueIndex(text), []) == []


@pytest.mark.parametrize("subject", ["I", "we", "they", "he", "she", "people", "surgeons"])
def test_used_to_is_the_past(subject):
    assert find_phrases(CueIndex(f"There {subject} used to protect the lens."), []) == []
    text = f"There {subject} see it used to protect the lens."
    assert len(find_phrases(CueIndex(text), [])) == 1


@pytest.mark.parametrize(
    "verb",
    [
        *["achieve", "avoid", "control", "decrease", "ensure", "flatten", "improve", "increase"],
        *["keep", "limit", "lower", "maintain", "minimize", "prevent", "preserve", "promote"],
        *["protect", "reduce", "relieve", "restore", "stabilize", "support", "widen"],
    ],
)
def test_a_verb_of_effect_after_and_continues_the_objective(matcher, verb):
    text = f"I use a hook to enlarge the pupil and {verb} the lens."
    assert phrases(matcher, text, Kind.OBJECTIVE) == [text[len("I use a hook ") : -1]]


@pytest.mark.parametrize(
    "verb",
    [
        *["start", "begin", "continue", "do", "make", "put", "place", "use", "go", "insert"],
        *["inject", "proceed", "finish", "take", "turn", "try"],
    ],
)
@pytest.mark.parametrize("also", ["", "also "])
def test_another_step_after_and_ends_the_objective(verb, also):
    text = f"I use a hook to enlarge the pupil and {also}{verb} cortex."
    found = [text[p.start : p.end] for p in find_phrases(CueIndex(text), [])]
    assert found == ["to enlarge the pupil"]


@pytest.mark.parametrize(
    "verb",
    [
        *["assess", "assure", "check", "confirm", "decide", "demonstrate", "determine", "ensure"],
        *["identify", "inspect", "make", "prove", "see", "show", "test", "verify"],
    ],
)
def test_verbs_that_take_a_clause_keep_it(verb):
    text = f"We did so much to {verb} this is open."
    found = [text[p.start : p.end] for p in find_phrases(CueIndex(text), [])]
    assert found == [f"to {verb} this is open"]
    text = "We did so much to protect this is open."
    assert [text[p.start : p.end] for p in find_phrases(CueIndex(text), [])] == ["to protect this"]


@pytest.mark.parametrize(
    "word",
    [
        *["the", "a", "my", "both", "all", "either", "half", "about", "around", "and", "or", "of"],
        *["in", "on", "at", "with", "by", "for", "it", "them", "him", "me", "us", "that", "what"],
        *["be", "do", "you", "pulling", "closed", "slowly", "x"],
    ],
)
def test_to_before_a_word_that_is_no_verb_names_a_place(word):
    assert find_phrases(CueIndex(f"We moved much to {word} the lens."), []) == []


@pytest.mark.parametrize(
    "following", ["it", "them", "this", "that", "any", "all", "both", "him", "me", "us"]
)
def test_an_object_makes_the_word_before_it_a_verb(following):
    text = f"We moved much to zap {following}."
    assert [text[p.start : p.end] for p in find_phrases(CueIndex(text), [])] == [
        f"to zap {following}"
    ]
    assert find_phrases(CueIndex("We moved much to zap lenses."), []) == []


@pytest.mark.parametrize("word", ["is", "was", "'s", "will", "would", "looks", "should"])
def test_so_that_before_a_verb_sums_up(word):
    assert find_phrases(CueIndex(f"And so that {word} the lens."), []) == []


@pytest.mark.parametrize("lead", ["in order to", "so as to", "in order not to", "so as not to"])
def test_leads_belong_to_the_objective(lead):
    text = f"I do it {lead} protect the lens."
    found = [text[p.start : p.end] for p in find_phrases(CueIndex(text), [])]
    assert found == [f"{lead} protect the lens"]


@pytest.mark.parametrize(
    "border",
    [
        *(".", ",", ";", " and then", " because", " but", " which", " before", " after", " so"),
        *(" when", " while", " using", " if", " we", " and it", " and now", " by pulling"),
        *["!", "?", ":", "\n", " then", " once", " whereas", " whenever", " I", " you"],
        *[" he", " she", " they", " and they", " and there", " and this", " and here"],
        *[" and the lens is", " and my eye was", " and that old lens goes"],
    ],
)
def test_an_objective_ends_at_each_border(border):
    text = f"I use a hook to enlarge the pupil{border} slowly."
    found = [text[p.start : p.end] for p in find_phrases(CueIndex(text), [])]
    assert found == ["to enlarge the pupil"]


def test_a_pronoun_that_is_needed_is_no_border():
    text = "I use a hook to enlarge the pupil we need here."
    assert [text[p.start : p.end] for p in find_phrases(CueIndex(text), [])] == [text[13:-1]]


@pytest.mark.parametrize(
    "border",
    [
        *(".", ";", ",", " with", " so", " and I", " but", " because", " which", " was", " is"),
        *(" had", " can", " underwent", " presented", " while", " then", " where", " in a"),
        *["!", "?", ":", "\n", " and we", " and the", " and it", " and needs", " and now"],
        *[" and then", " who", " that is", " that was", " I", " we", " are", " were", " has"],
        *[" may", " will", " should", " must", " need", " needs", " presents", " responds"],
        *[" clears", " resolves", " extends", " explains", " makes", " requires", " leads"],
        *[" causes", " settles", " develops", " in this", " treated", " to open the"],
    ],
)
def test_a_cause_ends_at_each_border(matcher, border):
    text = f"This cataract is due to blunt trauma{border} pain."
    assert phrases(matcher, text, Kind.DISEASE_CAUSE) == ["due to blunt trauma"]


@pytest.mark.parametrize("noun", ["the", "this", "these", "our", "my"])
def test_a_new_noun_without_preposition_ends_a_cause(matcher, noun):
    text = f"This cataract is due to blunt trauma {noun} lens."
    assert phrases(matcher, text, Kind.DISEASE_CAUSE) == ["due to blunt trauma"]


@pytest.mark.parametrize(
    "word",
    [
        *["of", "to", "by", "in", "on", "from", "and", "or", "after", "into", "following", "at"],
        *["for", "during", "since"],
    ],
)
def test_a_noun_after_a_preposition_continues_a_cause(matcher, word):
    text = f"This cataract is due to blunt trauma {word} my fist."
    assert phrases(matcher, text, Kind.DISEASE_CAUSE) == [text[len("This cataract is ") : -1]]


@pytest.mark.parametrize(
    "rest",
    [
        *["this", "the operation", "the surgery", "the case", "the injection", "3 days", "one day"],
        *["three days", "four days", "five days", "ten days", "outside", "behind it", "above it"],
        *["below it", "there", "opening the eye"],
    ],
)
def test_what_is_no_cause_either(matcher, rest):
    assert phrases(matcher, f"A cataract after {rest}.", Kind.DISEASE_CAUSE) == []


@pytest.mark.parametrize(
    "between",
    [
        *[
            "",
            ",",
            " of the eye",
            " in the left eye,",
            " on an eye",
            " of his eye",
            " in both eyes",
        ],
        *[" of her dear old eye", " in this eye", " of eyes"],
    ],
)
def test_where_a_condition_is_may_stand_before_its_cause(matcher, between):
    text = f"A cataract{between} after blunt trauma."
    assert phrases(matcher, text, Kind.DISEASE_CAUSE) == ["after blunt trauma"]


def test_what_is_done_to_a_condition_has_no_cause(matcher):
    assert phrases(matcher, "We extract the cataract after blunt trauma.", Kind.DISEASE_CAUSE) == []
    text = "We extract it, a cataract after blunt trauma."
    assert phrases(matcher, text, Kind.DISEASE_CAUSE) == ["after blunt trauma"]


@pytest.mark.parametrize(
    "tissue", ["the iris", "an iris", "its iris", "his iris", "her iris", "iris"]
)
@pytest.mark.parametrize(
    "end",
    [".", ",", "", " and on", " with it", " by it", " using it", " in it", " on it", " at it"],
)
def test_a_tissue_is_no_cause(matcher, tissue, end):
    assert phrases(matcher, f"A cataract from {tissue}{end}", Kind.DISEASE_CAUSE) == []
    assert phrases(matcher, f"A cataract from {tissue} trauma{end}", Kind.DISEASE_CAUSE) != []


@pytest.mark.parametrize("end", ["to it", "through it", "under it", "is", "was"])
def test_a_tissue_is_no_cause_before_these_words_either(matcher, end):
    assert phrases(matcher, f"A cataract from the iris {end}", Kind.DISEASE_CAUSE) == []


@pytest.mark.parametrize("word", ["a hook", "hydrodissection", "the iris"])
def test_a_tool_a_phase_and_a_tissue_are_no_causes(matcher, word):
    assert phrases(matcher, f"A cataract from {word}.", Kind.DISEASE_CAUSE) == []
