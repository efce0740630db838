"""Whether a video shows surgery, by what its publisher says of it.

In: title and description, with the concepts found in them. Out: a `Verdict`. `title_cues.tsv` lists words
that speak against it, each with the verdict it leads to where the title names no surgery and where it
does: make-up is "no" in either case, a contact lens beside a pterygium excision takes nothing away.
Only "no" costs a video its place, so what says nothing (`case_4687.mp4`, "eye") is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ophvl.errors import ConfigError
from ophvl.ontology import Register
from ophvl.ontology.forms import fold
from ophvl.text.matching import Match, Matcher
from ophvl.text.negation import Assertion, judge
from schemas.vocab import Kind, Surgical

CUES = Path(__file__).with_name("title_cues.tsv")
_COLUMNS = ("cue", "without_surgery", "with_surgery", "reason")

_DEEDS = frozenset({Kind.SURGERY, Kind.PHASE, Kind.OPERATION})
_EYE_KINDS = frozenset({Kind.ANATOMY, Kind.DISEASE, Kind.COMPLICATION, Kind.INSTRUMENT})
_SURGERY_WORD = re.compile(r"\b(?:surger(?:y|ies)|surgical|intraoperative|operat(?:ion|ed|ive))\b")
_SEVERITY = (Surgical.YES, Surgical.UNKNOWN, Surgical.NO)

_PLUG = re.compile(
    r"https?://|www\.|\b(?:subscribe|follow (?:me|us)|contact us|visit (?:our|us)|call us|book an"
    r"|appointment|whatsapp|instagram|facebook|services|our (?:clinic|hospital)|disclaimer|music"
    r"|about (?:the|our) channel)\b",
    re.IGNORECASE,
)
_LEAD_CHARACTERS = 400


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The verdict and the words it rests on (empty where nothing speaks for or against)."""

    is_surgical: Surgical
    surface: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class _Cue:
    without_surgery: Surgical
    with_surgery: Surgical
    reason: str


def surgical_verdict(title: str, description: str | None, matcher: Matcher) -> Surgical:
    """The verdict before anything is fetched, from what the listing says."""
    lead = description_lead(description)
    return verdict(title, affirmed(title, matcher), lead, affirmed(lead, matcher)).is_surgical


def affirmed(text: str, matcher: Matcher) -> list[Match]:
    """Concepts that a title or description affirms."""
    found = matcher.find(text, register=Register.TITLE)
    return [
        m for m, said in zip(found, judge(found, text), strict=True) if said is Assertion.AFFIRMED
    ]


def description_lead(description: str | None) -> str:
    """The part of a description that speaks of the video: what stands before the first plug or link."""
    text = (description or "")[:_LEAD_CHARACTERS]
    plug = _PLUG.search(text)
    return text[: plug.start()] if plug else text


def verdict(title: str, in_title: Sequence[Match], lead: str, in_lead: Sequence[Match]) -> Verdict:
    """Judge a title with the head of its description; the matches are those that the texts affirm."""
    named = _surgery_named(title, in_title)
    against = _against(title, bool(named))
    if against:
        return against
    if named:
        return Verdict(is_surgical=Surgical.YES, surface=named, reason="the title names surgery")
    told = _surgery_named(lead, in_lead)
    against = _against(lead, bool(told))
    if against and against.is_surgical is Surgical.NO and not told:
        return against
    if told and not against:
        return Verdict(
            is_surgical=Surgical.YES, surface=told, reason="the description names surgery"
        )
    return Verdict(is_surgical=Surgical.UNKNOWN)


def _surgery_named(text: str, found: Sequence[Match]) -> str:
    for match in found:
        if match.kind in _DEEDS:
            return match.surface
    word = _SURGERY_WORD.search(text.lower())
    return word.group() if word and any(m.kind in _EYE_KINDS for m in found) else ""


def _against(text: str, surgery_named: bool) -> Verdict | None:
    """The hardest verdict among the cues in the text; None where none takes anything away."""
    cues, pattern = _cues()
    hardest: Verdict | None = None
    for hit in pattern.finditer(fold(text).text):
        cue = cues[hit.group()] if hit.group() in cues else cues[hit.group().removesuffix("s")]
        said = cue.with_surgery if surgery_named else cue.without_surgery
        if said is Surgical.YES:
            continue
        if hardest is None or _SEVERITY.index(said) > _SEVERITY.index(hardest.is_surgical):
            hardest = Verdict(is_surgical=said, surface=hit.group(), reason=cue.reason)
    return hardest


@cache
def _cues() -> tuple[dict[str, _Cue], re.Pattern[str]]:
    lines = CUES.read_text(encoding="utf-8").splitlines()
    if tuple(lines[0].split("\t")) != _COLUMNS:
        raise ConfigError(
            f"{CUES.name}:1: the first line must name the columns {', '.join(_COLUMNS)}"
        )
    cues = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            words, without, with_, reason = line.split("\t")
            cue = _Cue(
                without_surgery=Surgical(without), with_surgery=Surgical(with_), reason=reason
            )
        except ValueError as err:
            raise ConfigError(
                f"{CUES.name}:{number}: {err}; four cells, two of them verdicts"
            ) from err
        cues[fold(words).text] = cue
    longest_first = sorted(cues, key=lambda words: -len(words))
    return cues, re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})s?\b")
