"""Select the concepts in a title that the video itself shows.

Excluded are concepts that the text negates or supposes (`concepts.assertion`), what was averted ("dropped
nucleus avoided", "glue free"), surgery that lies in the past ("PCO after cataract surgery", "post PKP
eye"), names of institutions ("Cornea Institute") and, beside words that say more, the hashtags at the end:
channels put the same ones under every video.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from ophvl.ontology import Register
from ophvl.text.concepts.assertion import Assertion, classify
from ophvl.text.concepts.matching import Match, Matcher
from ophvl.text.words import with_blanks
from schemas.vocab import Kind

PROCEDURES = frozenset({Kind.SURGERY, Kind.PHASE, Kind.OPERATION})

_AVERTED = re.compile(
    r"\s*(?:(?:is|was|were)\s+)?(?:avoided|averted|prevented)\b|[\s-]?(?:free|less)\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"(?<!before and )(?<!before & )(?<!before/)(?<!before )"
    r"\b(?:after|post(?:-?\s?op(?:erative)?)?|following|previous|prior|past|old|failed|s[/ ]p|h[/ ]o"
    r"|status post|history of|operated|already|due to|caused by|secondary to"
    r"|ap[oó]s|despu[eé]s de|apr[eè]s|nach|dopo|sonras[iı]|после)"  # noqa: RUF001
    r"[\s:-]+(?:a\s+|an\s+|the\s+)?(?:(?:complicated|uneventful|multiple|failed|recent|routine"
    r"|successful|previous|old|prior|cataract|glaucoma|eye|laser|refractive|retina|retinal|squint)\s+)*$",
    re.IGNORECASE,
)
_INSTITUTION = re.compile(
    r"(?:\s+(?:and|eye|laser|vision|care|research|surgery|refractive|retina|cornea|cataract|glaucoma|lasik|squint"
    r"|oculoplasty|super|speciality|specialty)|\s*&){0,4}\s+(?:hospitals?|clinics?|institute|cent(?:re|er)s?"
    r"|foundation|academy|society|association|channel|club|department|dept|university|college|fellowship"
    r"|consultant|specialists?|surgeons?|group|school|doctor)\b(?!\s+room)",
    re.IGNORECASE,
)
_TAGS_REVERSED = re.compile(r"\s*(?:[^\s#]+#\s*)+")
"""Hashtags at the end, for the text read backwards: a search from the start tries each of them."""
_PROMOTION = re.compile(
    r"https?://|www\.|\b(?:subscribe|follow (?:me|us)|contact us|visit (?:our|us)|call us|book an"
    r"|appointment|whatsapp|instagram|facebook|services|our (?:clinic|hospital)|disclaimer|music"
    r"|about (?:the|our) channel|other videos|more videos|watch (?:also|more|our)|related videos"
    r"|playlists?|our channel|like (?:and|&) share|hit the bell)\b",
    re.IGNORECASE,
)
_MAX_LEAD = 400
_PAST_REACH = 200
"""Characters before a surgery in which words may put it into the past."""


def present_matches(text: str, matcher: Matcher) -> list[Match]:
    """Return the concepts that a title or description states as present."""
    matches = matcher.find(text, register=Register.TITLE)
    return [
        m
        for m, assertion in zip(matches, classify(matches, with_blanks(text)), strict=True)
        if assertion is Assertion.PRESENT
    ]


def description_lead(description: str | None) -> str:
    """Return the part of a description that is about the video: up to the first promotion or link."""
    text = (description or "")[:_MAX_LEAD]
    promotion = _PROMOTION.search(text)
    return text[: promotion.start()] if promotion else text


def is_past(text: str, start: int) -> bool:
    """Tell whether the surgery named at `start` lies in the past: "after cataract surgery"."""
    return bool(_PAST.search(text, max(0, start - _PAST_REACH), start))


def shown_matches(text: str, matches: Sequence[Match]) -> list[Match]:
    """Return the present concepts that the video itself shows, in the same order."""
    text = with_blanks(text)
    excluded = [
        m
        for m in matches
        if _AVERTED.match(text, m.end)
        or (m.kind is Kind.SURGERY and is_past(text, m.start))
        or _INSTITUTION.match(text, m.end)
    ]
    remaining = _outside(matches, excluded)
    tags = _TAGS_REVERSED.match(text[::-1])
    if tags is None:
        return remaining
    words = [m for m in remaining if m.start < len(text) - tags.end()]
    return words if any(m.kind in PROCEDURES for m in words) else remaining


def _outside(matches: Sequence[Match], excluded: Sequence[Match]) -> list[Match]:
    """Return the matches that lie in none of the excluded ones."""
    by_start = sorted(excluded, key=lambda m: m.start)
    starts = [m.start for m in by_start]
    reach = [0, *accumulate((m.end for m in by_start), max)]
    return [m for m in matches if reach[bisect_right(starts, m.start)] < m.end]
