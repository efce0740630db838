"""From a messy title to a structured one.

In: title and description of a video, the concepts found in them, and those gathered from its narrations.
Out: a `StructuredTitle`. Nothing of the raw wording is carried over, so emoji, hashtags, names, numbers
and plugs fall away by themselves. The text follows one template, parts without a value left out:

    <surgery> by <technique> with <device> for <condition>, <eye> eye. Steps: <phases in order>.

The title speaks first; the head of the description fills the fields that it leaves empty. What the surgery
is may also be taken from the narrations, where at least two clips name it. Keywords (tags) are not used:
most channels put the same ones under every video.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ophvl.text.matching import NESTED_FACTOR, TERM_SCORE, Match, Matcher
from ophvl.text.verdict import Verdict, affirmed, description_lead, verdict
from schemas.vocab import Eye, Kind, Surgical

_FIELDS: Mapping[str, frozenset[Kind]] = {
    "surgery": frozenset({Kind.SURGERY}),
    "condition": frozenset({Kind.DISEASE, Kind.COMPLICATION}),
    "technique": frozenset({Kind.PHASE, Kind.OPERATION}),
    "device": frozenset({Kind.INSTRUMENT}),
}
_NESTED_COUNTS = frozenset({"surgery", "condition"})
"""In "cataract surgery" a cataract is told as well; in "lens implantation" the lens adds nothing."""

_EYES = (
    (Eye.BOTH, re.compile(r"\b(?:OU|BE)\b|\b(?i:both eyes|bilateral(?:ly)?)\b")),
    (Eye.RIGHT, re.compile(r"\b(?:OD|RE)\b(?!:)|\b(?i:right eye|rt eye)\b")),
    (Eye.LEFT, re.compile(r"\b(?:OS|LE)\b|\b(?i:left eye|lt eye)\b")),
)
_LENS = "intraocular lens"
_MIN_CLIPS = 2
_MIN_CONCEPTS = 3
"""So many procedures and steps in the narrations make an unknown title's video surgical."""
_MAX_SURGERIES = 2
_MAX_STEPS = 6


@dataclass(frozen=True, kw_only=True)
class GatheredConcept:
    """A concept of the video's narrations, with the number of clips that affirm it."""

    kind: Kind
    label: str
    clips: int


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Why a field has a value: the words, and the column they stand in."""

    field: str
    value: str
    text_column: str
    surface: str


@dataclass(frozen=True, kw_only=True)
class StructuredTitle:
    """What a video shows. `title` is None where no field is known; `reason` backs the verdict."""

    title: str | None
    is_surgical: Surgical
    reason: str
    surgery: tuple[str, ...]
    condition: tuple[str, ...]
    technique: tuple[str, ...]
    device: tuple[str, ...]
    eye: Eye | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True)
class Text:
    """A published text and the concepts that it affirms."""

    column: str
    text: str
    matches: Sequence[Match]


def structure(
    title: Text, description: Text, gathered: Sequence[GatheredConcept] = ()
) -> StructuredTitle:
    """Build the structured title. `gathered` stands in the order in which the narrations tell it."""
    lead = description_lead(description.text)
    told = Text(
        column=description.column,
        text=lead,
        matches=[m for m in description.matches if m.end <= len(lead)],
    )
    judged = _with_narrations(verdict(title.text, title.matches, lead, told.matches), gathered)
    evidence = list(_verdict_evidence(judged, title, told))
    fields: dict[str, tuple[str, ...]] = {}
    for field in _FIELDS:
        found = _evidence(field, title) or _evidence(field, told)
        if field == "surgery":
            found = found + _implied_implantation(found, title) or _narrated_surgery(gathered)
        fields[field] = _without_families([e.value for e in found])
        evidence += [e for e in found if e.value in fields[field]]
    eye = _eye(title) or _eye(told)
    if eye:
        evidence.append(eye)
    side = Eye(eye.value) if eye else None
    steps = [g.label for g in gathered if g.kind is Kind.PHASE][:_MAX_STEPS]
    return StructuredTitle(
        title=_sentence(fields, side, steps),
        is_surgical=judged.is_surgical,
        reason=f"{judged.reason}: '{judged.surface}'" if judged.surface else judged.reason,
        eye=side,
        evidence=tuple(evidence),
        **fields,
    )


def structure_title(title: str, description: str | None, matcher: Matcher) -> StructuredTitle:
    """The structured title of a video of which no more than title and description is known."""
    told = description or ""
    return structure(
        Text(column="title", text=title, matches=affirmed(title, matcher)),
        Text(column="description", text=told, matches=affirmed(told, matcher)),
    )


def _with_narrations(judged: Verdict, gathered: Sequence[GatheredConcept]) -> Verdict:
    deeds = [
        g for g in gathered if g.kind in (Kind.SURGERY, Kind.PHASE, Kind.OPERATION) and g.clips
    ]
    if judged.is_surgical is not Surgical.UNKNOWN or len(deeds) < _MIN_CONCEPTS:
        return judged
    shown = ", ".join(g.label for g in deeds[:_MIN_CONCEPTS])
    return Verdict(is_surgical=Surgical.YES, surface=shown, reason="the narrations tell surgery")


def _verdict_evidence(judged: Verdict, title: Text, told: Text) -> Iterator[Evidence]:
    if judged.surface:
        folded = judged.surface.casefold()
        texts = (t.column for t in (title, told) if folded in t.text.casefold())
        yield Evidence(
            field="is_surgical",
            value=judged.is_surgical,
            text_column=next(texts, "text"),
            surface=judged.surface,
        )


def _evidence(field: str, text: Text) -> list[Evidence]:
    nested = TERM_SCORE * NESTED_FACTOR
    return [
        Evidence(field=field, value=m.label, text_column=text.column, surface=m.surface)
        for m in text.matches
        if m.kind in _FIELDS[field] and (m.score > nested or field in _NESTED_COUNTS)
    ]


def _implied_implantation(surgery: Sequence[Evidence], title: Text) -> list[Evidence]:
    """ "PHACO + PCIOL" names a lens to say that it is implanted, unless it is said what is done to it."""
    if not surgery or any(_LENS in e.value for e in surgery):
        return []
    return [
        Evidence(
            field="surgery",
            value=f"{_LENS} implantation",
            text_column=title.column,
            surface=device.surface,
        )
        for device in _evidence("device", title)
        if device.value.endswith(_LENS)
    ][:1]


def _narrated_surgery(gathered: Sequence[GatheredConcept]) -> list[Evidence]:
    often = [g for g in gathered if g.kind is Kind.SURGERY and g.clips >= _MIN_CLIPS]
    often.sort(key=lambda g: -g.clips)
    return [
        Evidence(field="surgery", value=g.label, text_column="text", surface=f"in {g.clips} clips")
        for g in often[:_MAX_SURGERIES]
    ]


def _without_families(labels: Sequence[str]) -> tuple[str, ...]:
    """Drop repeats, and families beside their members: `vitrectomy` beside `pars plana vitrectomy`,
    `cataract surgery` beside the name of a procedure.
    """
    unique = list(dict.fromkeys(labels))
    words = {label: set(label.split()) for label in unique}
    named = any(not label.endswith(" surgery") for label in unique)
    return tuple(
        label
        for label in unique
        if not any(words[label] < words[other] for other in unique)
        and not (named and label.endswith(" surgery"))
    )


def _eye(text: Text) -> Evidence | None:
    for eye, pattern in _EYES:
        found = pattern.search(text.text)
        if found:
            return Evidence(field="eye", value=eye, text_column=text.column, surface=found.group())
    return None


def _sentence(
    fields: Mapping[str, tuple[str, ...]], eye: Eye | None, steps: Sequence[str]
) -> str | None:
    parts: list[str] = []
    joints = {"surgery": "", "technique": "by ", "device": "with ", "condition": "for "}
    for field, joint in joints.items():
        if fields[field]:
            parts.append((joint if parts else "") + _join(fields[field]))
    text = " ".join(parts)
    if text and eye:
        text += ", both eyes" if eye is Eye.BOTH else f", {eye} eye"
    if text:
        text = text[0].upper() + text[1:]
    if steps:
        told = f"Steps: {', '.join(steps)}."
        text = f"{text}. {told}" if text else told
    return text or None


def _join(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"
