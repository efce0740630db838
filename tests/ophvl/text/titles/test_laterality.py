"""Which eye a title names."""

import pytest

from ophvl.text.titles.laterality import find_eye
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
    mention = find_eye(text)
    assert (mention and mention.eye) == eye


def test_the_surface_is_part_of_the_text():
    mention = find_eye("Phaco, right  eye")
    assert mention is not None
    assert mention.surface in "Phaco, right  eye"
