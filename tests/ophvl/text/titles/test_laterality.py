"""Which eye a title names."""

import pytest

from ophvl.text.titles.laterality import EyeMention, find_eye
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


PARTS_TEXT = (
    "sided upper lower eye eyes eyed eyelid lid lids orbit orbital cornea corneal globe lens cataract "
    "fundus retina retinal macula macular pupil iris brow canthus canthal punctum canaliculus nld nldo dcr "
    "lacrimal medial lateral superior inferior rectus lr mr sr ir so io ptosis entropion ectropion "
    "esotropia exotropia dacryocystitis pterygium phaco ppv dmek trab trabeculectomy"
)
PARTS = PARTS_TEXT.split()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("side", "eye"),
    [
        *[("right", Eye.RIGHT), ("Rt", Eye.RIGHT), ("RT.", Eye.RIGHT)],
        *[("left", Eye.LEFT), ("lt", Eye.LEFT), ("Lt.", Eye.LEFT)],
    ],
)
def test_a_side_beside_a_part_of_the_eye(part, side, eye):
    assert find_eye(f"Surgery on the {side} {part}.") == EyeMention(eye=eye, surface=side)
    assert find_eye(f"Surgery on the {side} {part.upper()}") is not None
    assert find_eye(f"Surgery on the {side} {part}zzz.") is None
    assert find_eye(f"Surgery on the {side} hand, {part}.") is None


@pytest.mark.parametrize(
    ("words", "eye"),
    [
        *[(words, Eye.BOTH) for words in ("OU", "O.U.", "B/E", "BE", "BMR", "BLR", "ODI")],
        *[(words, Eye.RIGHT) for words in ("OD", "RE", "O.D.", "R/E", "RT EYE", "RLL", "RUL")],
        *[(words, Eye.LEFT) for words in ("OS", "LE", "O.S.", "L/E", "OI", "OE", "OG")],
        *[(words, Eye.LEFT) for words in ("LT EYE", "LLL", "LUL")],
    ],
)
def test_abbreviations_count_in_capitals_and_by_themselves(words, eye):
    assert find_eye(f"Surgery {words} today") == EyeMention(eye=eye, surface=words)
    assert find_eye(f"Surgery,{words},today") == EyeMention(eye=eye, surface=words)
    assert find_eye(f"Surgery x{words} today") is None
    assert find_eye(f"Surgery {words}x today") is None
    if words not in ("B/E", "R/E", "L/E", "RT EYE", "LT EYE"):
        assert find_eye(f"Surgery {words.lower()} today") is None


@pytest.mark.parametrize("first", ["RE", "R", "OD"])
@pytest.mark.parametrize("joint", [" and ", " AND ", " & ", "&", " + ", "+", "/", ", "])
@pytest.mark.parametrize("second", ["LE", "L", "OS"])
def test_both_abbreviations_mean_both_eyes(first, joint, second):
    words = f"{first}{joint}{second}"
    assert find_eye(f"Surgery {words} today") == EyeMention(eye=Eye.BOTH, surface=words)


@pytest.mark.parametrize("first", ["LE", "OS"])
@pytest.mark.parametrize("joint", [" and ", " AND ", " & ", " + ", "/", ", "])
@pytest.mark.parametrize("second", ["RE", "OD"])
def test_both_abbreviations_mean_both_eyes_the_left_one_first(first, joint, second):
    assert find_eye(f"{first}{joint}{second}").eye is Eye.BOTH


@pytest.mark.parametrize("word", ["TO", "CAN", "WILL", "MUST", "MAY", "NOT", "SHOULD"])
def test_a_title_in_capitals_has_the_verb_be(word):
    assert find_eye(f"THIS {word} BE SEEN") is None
    assert find_eye("PHACO BE SEEN") is not None


@pytest.mark.parametrize(
    "words",
    [
        *["both eyes", "Both the eyes", "both  eyes", "bilateral", "Bilaterally", "b/l", "bilat"],
        *["right and left eye", "Right and left eyes", "bimedial", "ambos olhos", "ambos os olhos"],
        *["ambos ojos", "los dos ojos", "les deux yeux", "beide Augen", "beidseits"],
        *["entrambi gli occhi", "her iki göz", "оба глаза", "обоих глаз", "dua mata", "kedua mata"],  # noqa: RUF001
        *["दोनों आंख", "दोनों आँख", "双眼", "雙眼", "両眼", "양안", "العينين", "كلتا العينين"],
    ],
)
def test_both_eyes_in_words(words):
    assert find_eye(f"Surgery: {words}.") == EyeMention(eye=Eye.BOTH, surface=words)


@pytest.mark.parametrize("after", ["", "|x", ",x", ".x", ")x", " | x"])
def test_ao_means_both_eyes_at_the_end_of_a_part(after):
    assert find_eye(f"Faco AO{after}").eye is Eye.BOTH


def test_ao_before_a_word_is_the_portuguese_to():
    assert find_eye("AO VIVO") is None


@pytest.mark.parametrize(
    ("words", "eye"),
    [
        *[("R eye", Eye.RIGHT), ("olho direito", Eye.RIGHT), ("ojo derecho", Eye.RIGHT)],
        *[("œil droit", Eye.RIGHT), ("oeil droit", Eye.RIGHT), ("rechtes Auge", Eye.RIGHT)],
        *[("rechten Auge", Eye.RIGHT), ("occhio destro", Eye.RIGHT), ("sağ göz", Eye.RIGHT)],
        *[("правый глаз", Eye.RIGHT), ("правого глаза", Eye.RIGHT), ("mata kanan", Eye.RIGHT)],
        *[("右眼", Eye.RIGHT), ("العين اليمنى", Eye.RIGHT), ("दाहिनी आँख", Eye.RIGHT)],
        *[("दायीं आंख", Eye.RIGHT), ("दाईं आँख", Eye.RIGHT), ("오른쪽 눈", Eye.RIGHT)],
        *[("우안", Eye.RIGHT), ("L eye", Eye.LEFT), ("olho esquerdo", Eye.LEFT)],
        *[("ojo izquierdo", Eye.LEFT), ("œil gauche", Eye.LEFT), ("oeil gauche", Eye.LEFT)],
        *[("linkes Auge", Eye.LEFT), ("linken Auge", Eye.LEFT), ("occhio sinistro", Eye.LEFT)],
        *[("sol göz", Eye.LEFT), ("левый глаз", Eye.LEFT), ("левого глаза", Eye.LEFT)],
        *[("mata kiri", Eye.LEFT), ("左眼", Eye.LEFT), ("العين اليسرى", Eye.LEFT)],
        *[("बायीं आंख", Eye.LEFT), ("बाईं आँख", Eye.LEFT), ("왼쪽 눈", Eye.LEFT), ("좌안", Eye.LEFT)],
    ],
)
def test_one_eye_in_words(words, eye):
    assert find_eye(f"Surgery: {words}.") == EyeMention(eye=eye, surface=words)


@pytest.mark.parametrize("before", ["", "x, ", "x (", "x |", "x [", "x / ", "x \u2013 ", "x - "])
@pytest.mark.parametrize("after", ["", ".", ", x", ";", ":", " | x", ")", "]", "\nx", " #x"])
def test_a_side_by_itself(before, after):
    assert find_eye(f"{before}Right{after}") == EyeMention(eye=Eye.RIGHT, surface="Right")
    assert find_eye(f"{before}left{after}") == EyeMention(eye=Eye.LEFT, surface="left")


@pytest.mark.parametrize(
    "age", ["52 y", "52 yo", "52 y/o", "52 yr", "52 yrs", "52 years", "52 year old"]
)
def test_a_side_after_an_age(age):
    assert find_eye(f"Woman, {age}, left").eye is Eye.LEFT
    assert find_eye(f"Woman, {age} RIGHT").eye is Eye.RIGHT


@pytest.mark.parametrize(
    ("words", "eye"),
    [
        *[("only RE", Eye.RIGHT), ("only OD", Eye.RIGHT), ("only the right", Eye.RIGHT)],
        *[("Only LE", Eye.LEFT), ("only OS", Eye.LEFT), ("only left", Eye.LEFT)],
        *[("RE only", Eye.RIGHT), ("OD only", Eye.RIGHT), ("LE only", Eye.LEFT)],
        *[("OS only", Eye.LEFT), ("re only", Eye.RIGHT), ("ONLY THE LEFT", Eye.LEFT)],
    ],
)
def test_a_narrowing_decides_over_both_eyes(words, eye):
    assert find_eye(f"Both eyes planned, {words} done") == EyeMention(eye=eye, surface=words)


def test_the_surface_is_part_of_the_text():
    mention = find_eye("Phaco, right  eye")
    assert mention is not None
    assert mention.surface in "Phaco, right  eye"
