"""Concepts in real and ugly texts: offsets, spellings, overlaps, shared words, speed."""

import time

import pytest

from ophvl.ontology import AmbiguityRule, Concept, Ontology, Register, TitleAlias
from ophvl.text.concepts import matching
from ophvl.text.concepts.matching import Match, Matcher
from schemas.vocab import Kind


def spans(matcher, text, **options):
    matches = matcher.find(text, **options)
    assert all(text[m.start : m.end] == m.surface for m in matches)
    return [(m.surface, m.concept_id) for m in matches]


@pytest.mark.parametrize("text", ["", " ", "\n", "😱😱", "-", "'s", "----", "\u0301", "的"])
def test_texts_without_words_hold_nothing(matcher, text):
    assert matcher.find(text) == []


def test_a_real_sentence(matcher):
    text = "I make a 2.2 mm clear corneal incision with the keratome, then inject viscoelastic into the AC."
    assert spans(matcher, text) == [
        ("clear corneal incision", "phase:incision"),
        ("keratome", "instrument:keratome"),
        ("inject", "action:inject"),
        ("viscoelastic", "medication:viscoelastic"),
        ("AC", "anatomy:anterior_chamber"),
    ]


@pytest.mark.parametrize(
    ("text", "surface"),
    [
        ("İİİ the İris hook", "İris hook"),
        ("ÄÖÜ 😱 #phaco 😱", "phaco"),
        ("the Descemet\u2019s membrane", "Descemet\u2019s membrane"),
        ("irrigation / aspiration now", "irrigation / aspiration"),
        ("visco-elastic", "visco-elastic"),
        ("白内障PHACO手术", "PHACO"),
        ("anterior\n  chamber", "anterior\n  chamber"),
        ("two IOLs", "IOLs"),
        ("corneal oedema", "corneal oedema"),
        ("case_phaco_01.mp4", "phaco"),
        ("PC-IOL implanted", "PC-IOL"),
    ],
)
def test_offsets_and_spellings(matcher, text, surface):
    assert surface in [s for s, _ in spans(matcher, text)]


@pytest.mark.parametrize(
    "text",
    ["ia", "ac", "Ac", "smile at the patient", "via the port", "the irises", "phacoid", "prk"],
)
def test_abbreviations_keep_their_case_and_words_their_borders(matcher, text):
    assert not {m.concept_id for m in matcher.find(text)} & {
        "phase:irrigation-aspiration",
        "anatomy:anterior_chamber",
        "surgery:small-incision_lenticule_extraction",
        "surgery:photorefractive_keratectomy",
        "phase:phacoemulsification",
    }


def test_the_longest_match_wins_and_one_that_counts_inside_is_retained(matcher):
    text = "anterior capsule staining"
    assert spans(matcher, text) == [
        ("anterior capsule staining", "phase:capsule_staining"),
        ("anterior capsule", "anatomy:anterior_capsule"),
    ]
    outer, inner = matcher.find(text)
    assert (outer.score, inner.score) == (1.0, 0.5)


def test_a_name_inside_a_name_does_not_count(matcher):
    assert spans(matcher, "capsulorhexis forceps") == [
        ("capsulorhexis forceps", "instrument:capsulorhexis_forceps")
    ]


def test_a_term_never_runs_over_a_comma(matcher):
    assert spans(matcher, "the anterior, chamber") == [("chamber", "anatomy:anterior_chamber")]


@pytest.mark.parametrize(
    ("text", "concept_id"),
    [
        ("now I suture the wound", "action:suture"),
        ("the suture is cut", "instrument:suture"),
        ("the lens is opaque", "anatomy:lens"),
        ("we inject the lens from the cartridge", "instrument:intraocular_lens"),
        ("phaco is finished", "phase:phacoemulsification"),
    ],
)
def test_context_decides_between_concepts_that_share_a_word(matcher, text, concept_id):
    assert concept_id in [c for _, c in spans(matcher, text)]


def test_the_register_decides_between_surgery_and_phase(matcher):
    assert spans(matcher, "Phaco") == [("Phaco", "phase:phacoemulsification")]
    assert spans(matcher, "Phaco", register=Register.TITLE) == [
        ("Phaco", "surgery:phacoemulsification")
    ]


def test_a_verb_after_an_article_is_a_thing(matcher):
    assert spans(matcher, "the cut is clean") == []
    assert spans(matcher, "A cut is clean") == []
    assert spans(matcher, "we cut here") == [("cut", "action:cut")]


def test_the_end_of_a_text_is_not_before_its_beginning(matcher):
    assert ("cut", "action:cut") in spans(matcher, "cut here and there the ")


def test_a_term_scores_more_than_an_abbreviation(matcher):
    (verb,) = matcher.find("we cut here")
    assert verb.score == matching.TERM_SCORE
    (short,) = matcher.find("the ILM")
    assert short.score == matching.ABBREVIATION_SCORE


def test_of_terms_that_overlap_in_a_chain_the_longest_stays():
    chain = [
        Match(start=start, end=end, surface="", concept_id=kind, kind=kind, label=kind, score=1.0)
        for start, end, kind in (
            (0, 10, Kind.ANATOMY),
            (8, 22, Kind.INSTRUMENT),
            (15, 24, Kind.ANATOMY),
            (30, 42, Kind.SURGERY),
            (40, 45, Kind.ANATOMY),
        )
    ]
    kept = matching._resolve_overlaps(list(chain))
    assert [(m.start, m.end) for m in kept] == [(8, 22), (30, 42)]


@pytest.mark.parametrize("name", ["iris hook", "lens glide", "capsule forceps"])
def test_the_tissue_in_the_name_of_a_tool_is_not_mentioned(matcher, name):
    assert [m.kind for m in matcher.find(f"we take the {name}")] == [Kind.INSTRUMENT]


def test_verb_forms(matcher):
    for verb in ("injected", "injecting", "injects", "aspirated", "grasping", "trimmed", "torn"):
        assert [c.partition(":")[0] for _, c in spans(matcher, f"we {verb}")] == ["action"]


def test_speed_on_a_very_long_text(matcher):
    sentence = (
        "So here you can see that it is quite stable and I inject more viscoelastic, İ think. "
    )
    text = sentence * 10_000
    matcher.find(sentence)
    started = time.process_time()
    matches = matcher.find(text)
    took_s = time.process_time() - started
    assert len(matches) == 20_000
    assert text[matches[-1].start : matches[-1].end] == "viscoelastic"
    assert took_s < 10  # 170,000 words; about half a second on an idle core


def small(rules=(), aliases=()):
    """A matcher of four concepts that share words."""
    concepts = [
        Concept(concept_id="anatomy:bag", kind=Kind.ANATOMY, label="bag", synonyms=("sac",)),
        Concept(concept_id="instrument:bag", kind=Kind.INSTRUMENT, label="bag", synonyms=("sac",)),
        Concept(
            concept_id="disease:bag",
            kind=Kind.DISEASE,
            label="ptosis of the bag",
            synonyms=("sac",),
        ),
        Concept(concept_id="surgery:ecce", kind=Kind.SURGERY, label="extraction"),
    ]
    by_id = {concept.concept_id: concept for concept in concepts}
    ontology = Ontology(concepts=by_id, rules=rules, revision="r", title_aliases=aliases)
    return Matcher(ontology)


def rule(winner, *concepts, **conditions):
    ids = frozenset(f"{kind}:bag" for kind in concepts)
    return AmbiguityRule(concepts=ids, winner=winner, **conditions)


def test_a_rule_for_more_concepts_decides_between_some_of_them():
    three = ("anatomy", "instrument", "disease")
    about = rule("instrument:bag", *three, forms=("sac",))
    assert spans(small((about,)), "a bag") == [("bag", "anatomy:bag")]
    assert spans(small((about,)), "a sac") == [("sac", "instrument:bag")]
    assert spans(small((rule("instrument:bag", *three),)), "a bag") == [("bag", "instrument:bag")]
    assert spans(small((rule("disease:bag", *three),)), "a bag") == [("bag", "anatomy:bag")]
    exact = rule("anatomy:bag", "anatomy", "instrument")
    assert spans(small((rule("instrument:bag", *three), exact)), "a bag") == [
        ("bag", "anatomy:bag")
    ]


def test_the_first_rule_that_holds_decides():
    pair = ("anatomy", "instrument")
    rules = (
        rule("instrument:bag", *pair, register=Register.TITLE),
        rule("instrument:bag", *pair, before=("plastic",)),
        rule("instrument:bag", *pair, near=("trash",)),
        rule(None, *pair, near=("nothing",)),
        rule("anatomy:bag", *pair),
    )
    matcher = small(rules)
    assert spans(matcher, "a bag") == [("bag", "anatomy:bag")]
    assert spans(matcher, "a bag", register=Register.TITLE) == [("bag", "instrument:bag")]
    assert spans(matcher, "a plastic bag") == [("bag", "instrument:bag")]
    assert spans(matcher, "a bag of trash") == [("bag", "instrument:bag")]
    assert spans(matcher, "a bag. Of trash") == [("bag", "anatomy:bag")]
    assert spans(matcher, "x" * 250 + " a bag " + "x" * 250 + " trash") == [("bag", "anatomy:bag")]
    assert spans(matcher, "trash " + "x" * 150 + " bag") == [("bag", "instrument:bag")]
    assert spans(matcher, "a bag of nothing") == []


@pytest.mark.parametrize(
    ("form", "title", "found"),
    [
        *[("ece", "ECE today", True), ("ece", "ece today", True), ("ECE", "ece today", False)],
        *[("ECE", "ECE today", True), ("E-CE", "E-CE today", True), ("E-CE", "e-ce today", False)],
        ("E-CE", "E CE today", True),
    ],
)
def test_a_title_alias_with_capitals_is_matched_as_written(form, title, found):
    alias = TitleAlias(form=form, concept_id="surgery:ecce")
    matcher = small(aliases=(alias,))
    ids = [concept_id for _, concept_id in spans(matcher, title, register=Register.TITLE)]
    assert ids == (["surgery:ecce"] if found else [])
    assert spans(matcher, title) == []


def test_a_title_alias_may_need_a_word_nearby():
    alias = TitleAlias(form="ece", concept_id="surgery:ecce", near=frozenset({"lens"}))
    matcher = small(aliases=(alias,))
    for title, count in (("ece of a lens", 1), ("ece today", 0), ("lens. ece", 1)):
        assert len(spans(matcher, title, register=Register.TITLE)) == count
    far = "lens " + "x" * 160 + " ece"
    assert spans(matcher, far, register=Register.TITLE) == []
