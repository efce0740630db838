"""Find which eye a title names.

Abbreviations count in capitals only (RE, OD, LE, OS, OU, BE; OI and OE as written in Spanish and
Portuguese, OG in French), words in the languages that titles come in. "Right" and "left" alone may mean
anything ("the right technique"): they count beside a part of the eye ("left upper lid"), or where they
stand by themselves ("52 y, left.").
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ophvl.text.words import with_blanks
from schemas.vocab import Eye

_PARTS = (
    r"(?:sided|upper|lower|eye|eyes|eyed|eyelid|lid|lids|orbit|orbital|cornea|corneal|globe|lens|cataract"
    r"|fundus|retina|retinal|macula|macular|pupil|iris|brow|canthus|canthal|punctum|canaliculus"
    r"|nld|nldo|dcr|lacrimal|medial|lateral|superior|inferior|rectus|lr|mr|sr|ir|so|io|ptosis|entropion"
    r"|ectropion|esotropia|exotropia|dacryocystitis|pterygium|phaco|ppv|dmek|trab|trabeculectomy)"
)

_BOTH = re.compile(
    r"\b(?:OU|O\.U\.|B/E)(?!\w)"
    r"|(?<!\bTO )(?<!\bCAN )(?<!\bWILL )(?<!\bMUST )(?<!\bMAY )(?<!\bNOT )(?<!\bSHOULD )\bBE\b"
    r"|\b(?:(?:RE|R|OD)\s*(?:and|AND|&|\+|/|,)\s*(?:LE|L|OS)|(?:LE|OS)\s*(?:and|AND|&|\+|/|,)\s*(?:RE|OD))\b"
    r"|\b(?i:both eyes|both\s+(?:the\s+)?eyes|bilateral(?:ly)?|right and left eyes?|b/l|bimedial|bilat"
    r"|ambos (?:os )?olhos|ambos ojos|los dos ojos|les deux yeux|beide augen|beidseits|entrambi gli occhi"
    r"|her iki göz|оба глаза|обоих глаз|dua mata|kedua mata|दोनों (?:आंख|आँख))"  # noqa: RUF001
    r"|\bBMR\b|\bBLR\b|\bODI\b|\bAO\b(?=\s*(?:$|[|,.)]))|双眼|雙眼|両眼|양안|العينين|كلتا العينين"
)
_RIGHT = re.compile(
    rf"\b(?:OD|RE|O\.D\.|R/E|RT EYE|RLL|RUL)(?![\w:])"
    rf"|\b(?i:right|rt\.?)\s+(?=(?i:{_PARTS})\b)|\b(?i:r eye)\b"
    r"|\b(?i:olho direito|ojo derecho|[oœ]e?il droit|rechtes auge|rechten auge|occhio destro|sağ göz"
    r"|правый глаз|правого глаза|mata kanan)|右眼|العين اليمنى|दा(?:हिनी|यीं|ईं) आ[ँं]ख|오른쪽 눈|우안"
)
_LEFT = re.compile(
    rf"\b(?:OS|LE|O\.S\.|L/E|OI|OE|OG|LT EYE|LLL|LUL)(?![\w:])"
    rf"|\b(?i:left|lt\.?)\s+(?=(?i:{_PARTS})\b)|\b(?i:l eye)\b"
    r"|\b(?i:olho esquerdo|ojo izquierdo|[oœ]e?il gauche|linkes auge|linken auge|occhio sinistro|sol göz"
    r"|левый глаз|левого глаза|mata kiri)|左眼|العين اليسرى|बा(?:यीं|ईं) आ[ँं]ख|왼쪽 눈|좌안"
)
_STANDALONE = re.compile(
    r"(?:^|[,(|\[/\u2013-]|\by(?:/?o|rs?|ears?(?: old)?)?,?)\s*(?P<side>right|left)\s*(?=$|[.,;:|)\]\n#])",
    re.IGNORECASE,
)
_NARROWED = re.compile(
    r"\bonly\s+(?:the\s+)?(?P<before>RE|LE|OD|OS|right|left)\b|\b(?P<after>RE|LE|OD|OS)\s+only\b",
    re.IGNORECASE,
)
_SIDES = {"re": Eye.RIGHT, "od": Eye.RIGHT, "right": Eye.RIGHT}


@dataclass(frozen=True, kw_only=True)
class EyeMention:
    """An eye, and the words that name it."""

    eye: Eye
    surface: str


def find_eye(text: str) -> EyeMention | None:
    """Return the eye that the text names; a narrowing ("BE?? only RE") decides over both eyes."""
    spaced = with_blanks(text)
    narrowed = _NARROWED.search(spaced)
    if narrowed:
        side = (narrowed["before"] or narrowed["after"]).lower()
        return EyeMention(eye=_SIDES.get(side, Eye.LEFT), surface=_surface(text, narrowed))
    for eye, pattern in ((Eye.BOTH, _BOTH), (Eye.RIGHT, _RIGHT), (Eye.LEFT, _LEFT)):
        match = pattern.search(spaced)
        if match:
            return EyeMention(eye=eye, surface=_surface(text, match))
    standalone = _STANDALONE.search(spaced)
    if standalone:
        return EyeMention(
            eye=_SIDES.get(standalone["side"].lower(), Eye.LEFT), surface=standalone["side"]
        )
    return None


def _surface(text: str, match: re.Match[str]) -> str:
    """Return the words of a match as the text has them."""
    return text[match.start() : match.end()].strip(" _")
