"""Which eye a title speaks of."""

import pytest

from ophvl.text.titles.laterality import eye_of
from schemas.vocab import Eye


@pytest.mark.parametrize(
    ("text", "eye"),
    [
        ("PPV RE", Eye.RIGHT),
        ("TRAB BE?? only RE", Eye.RIGHT),
        ("phaco LE only, BE planned", Eye.LEFT),
        ("ICL RE + LE", Eye.BOTH),
        ("ICL LE & RE", Eye.BOTH),
        ("BMR recession", Eye.BOTH),
        ("left upper lid entropion", Eye.LEFT),
        ("Rt eye DCR", Eye.RIGHT),
        ("Diabetic 52 y, left.", Eye.LEFT),
        ("ojo izquierdo", Eye.LEFT),
        ("Faco olho direito", Eye.RIGHT),
        ("œil gauche", Eye.LEFT),
        ("rechtes Auge", Eye.RIGHT),
        ("白内障手术 左眼", Eye.LEFT),
        ("両眼", Eye.BOTH),
        ("правый глаз", Eye.RIGHT),
        ("the right technique", None),
        ("what is left behind", None),
        ("TO BE OR NOT TO BE", None),
        ("Leave it as it is", None),
        ("RE: your question", None),
        ("", None),
    ],
)
def test_eye(text, eye):
    found = eye_of(text)
    assert (found and found.eye) == eye


def test_the_words_stand_in_the_text():
    found = eye_of("Phaco, right  eye")
    assert found is not None
    assert found.surface in "Phaco, right  eye"
