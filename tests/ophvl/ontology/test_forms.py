"""Spellings that are equal once folded, and the variants made by rule."""

import pytest

from ophvl.ontology.forms import fold, fold_term, variants
from schemas.vocab import Kind


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Irrigation/Aspiration", "irrigation aspiration"),
        ("irrigation - aspiration", "irrigation aspiration"),
        ("Viscoelastic_Suction", "viscoelastic suction"),
        ("Schlemm's canal", "schlemm canal"),
        ("Descemet\u2019s", "descemet"),
        ("trabéculectomie", "trabeculectomie"),
        ("hydro\u00addissection", "hydrodissection"),
        ("a\u00a0\u2013\tb", "a b"),
        ("", ""),
    ],
)
def test_fold(text, folded):
    assert fold_term(text) == folded


@pytest.mark.parametrize(
    "text", ["İris İ x", "ﬁbrin glue", "e\u0301cole", "😱 phaco 😱", "ß's", "a--b"]
)
def test_fold_keeps_the_way_back(text):
    folded = fold(text)
    back = [folded.origin(i) for i in range(len(folded.text))]
    assert back == sorted(back)
    assert all(0 <= i < len(text) for i in back)
    for i, char in enumerate(folded.text):
        assert char == " " or char in fold(text[back[i]]).text


@pytest.mark.parametrize(
    ("term", "kind", "form"),
    [
        ("cannula", Kind.INSTRUMENT, "cannulas"),
        ("bulla", Kind.DISEASE, "bullae"),
        ("capsulorhexis", Kind.PHASE, "capsulorhexes"),
        ("intraocular lens", Kind.INSTRUMENT, "intraocular lenses"),
        ("vitrectomy", Kind.SURGERY, "vitrectomies"),
        ("corneal edema", Kind.COMPLICATION, "corneal oedema"),
        ("topical anesthesia", Kind.OPERATION, "topical anaesthesia"),
        ("haptic externalization", Kind.OPERATION, "haptic externalisation"),
        ("viscoelastic", Kind.MEDICATION, "visco elastic"),
        ("subconjunctival injection", Kind.OPERATION, "sub conjunctival injections"),
        ("trim", Kind.ACTION, "trimming"),
        ("emulsify", Kind.ACTION, "emulsified"),
        ("cauterize", Kind.ACTION, "cauterising"),
        ("press", Kind.ACTION, "presses"),
        ("lift up", Kind.ACTION, "lifting up"),
        ("trim off", Kind.ACTION, "trimmed off"),
    ],
)
def test_regular_variants(term, kind, form):
    assert form in variants(term, kind)


def test_names_that_are_plural_already_get_no_plural():
    assert variants("forceps", Kind.INSTRUMENT) == {"forceps"}


def test_a_british_spelling_is_not_made_british_again() -> None:
    assert not any("ooedema" in form for form in variants("corneal oedema", Kind.COMPLICATION))
