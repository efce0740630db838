"""From a messy title to a structured one.

In: title, description and chapters of a video, the concepts found in them, and those gathered from its
narrations. Out: a `StructuredTitle`. Nothing of the raw wording is carried over, so emoji, hashtags, names,
numbers and plugs fall away by themselves. The text follows one template, parts without a value left out:

    <surgery> by <technique> with <device> for <condition>, <eye> eye. Steps: <phases in order>.

The title and the head of the description speak together; chapters fill the fields that they leave empty.
What the surgery is may also be taken from the narrations, where at least two clips name it. Keywords (tags)
are not used: most channels put the same ones under every video.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ophvl.ontology import Ontology
from ophvl.text.concepts.matching import Matcher
from ophvl.text.titles.fields import FIELDS, Text, read_fields
from ophvl.text.titles.laterality import eye_of
from ophvl.text.titles.mentions import affirmed, description_lead, shown
from ophvl.text.titles.surgical import Verdict, verdict
from schemas.titles import Evidence
from schemas.vocab import Eye, Kind, Surgical

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


def structure(
    title: Text,
    description: Text,
    ontology: Ontology,
    *,
    chapters: Sequence[Text] = (),
    gathered: Sequence[GatheredConcept] = (),
) -> StructuredTitle:
    """Build the structured title from what the texts affirm.

    `chapters` stand in order of time, `gathered` in the order in which the narrations tell it.
    """
    raw = _seen(title, title.text)
    lead = _seen(description, description_lead(description.text))
    parts = [_seen(chapter, chapter.text) for chapter in chapters]
    phases = _phases(parts)
    judged = _with_narrations(verdict(raw, lead, ontology), gathered)
    found = read_fields([raw, lead], ontology)
    filling = [e for e in read_fields(parts, ontology) if e.value not in phases]
    evidence = list(_verdict_evidence(judged, raw, lead))
    fields: dict[str, tuple[str, ...]] = {}
    for field in FIELDS:
        told = [e for e in found if e.field == field] or [e for e in filling if e.field == field]
        if field == "surgery" and not told:
            told = _narrated_surgery(gathered)
        fields[field] = tuple(e.value for e in told)
        evidence += told
    told_eye = _eye([raw, lead, *parts])
    eye = Eye(told_eye.value) if told_eye else None
    steps = [g.label for g in gathered if g.kind is Kind.PHASE] or phases
    return StructuredTitle(
        title=_sentence(fields, eye, steps[:_MAX_STEPS]),
        is_surgical=judged.is_surgical,
        reason=f"{judged.reason}: '{judged.surface}'" if judged.surface else judged.reason,
        eye=eye,
        evidence=(*evidence, *([told_eye] if told_eye else [])),
        **fields,
    )


def structure_title(title: str, description: str | None, matcher: Matcher) -> StructuredTitle:
    """The structured title of a video of which no more than title and description is known."""
    return structure(
        title_text("title", title, matcher),
        title_text("description", description or "", matcher),
        matcher.ontology,
    )


def title_text(column: str, text: str, matcher: Matcher) -> Text:
    """A published text with the concepts that it affirms."""
    return Text(column=column, text=text, matches=affirmed(text, matcher))


def _seen(text: Text, part: str) -> Text:
    """The head of a text, with the concepts in it that the video itself shows."""
    matches = [match for match in text.matches if match.end <= len(part)]
    return Text(column=text.column, text=part, matches=shown(part, matches))


def _with_narrations(judged: Verdict, gathered: Sequence[GatheredConcept]) -> Verdict:
    deeds = [
        g for g in gathered if g.kind in (Kind.SURGERY, Kind.PHASE, Kind.OPERATION) and g.clips
    ]
    if judged.is_surgical is not Surgical.UNKNOWN or len(deeds) < _MIN_CONCEPTS:
        return judged
    told = ", ".join(g.label for g in deeds[:_MIN_CONCEPTS])
    return Verdict(is_surgical=Surgical.YES, surface=told, reason="the narrations tell surgery")


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


def _narrated_surgery(gathered: Sequence[GatheredConcept]) -> list[Evidence]:
    often = [g for g in gathered if g.kind is Kind.SURGERY and g.clips >= _MIN_CLIPS]
    often.sort(key=lambda g: -g.clips)
    return [
        Evidence(field="surgery", value=g.label, text_column="text", surface=f"in {g.clips} clips")
        for g in often[:_MAX_SURGERIES]
    ]


def _eye(texts: Sequence[Text]) -> Evidence | None:
    for text in texts:
        found = eye_of(text.text)
        if found:
            return Evidence(
                field="eye", value=found.eye, text_column=text.column, surface=found.surface
            )
    return None


def _phases(chapters: Sequence[Text]) -> list[str]:
    """The phases that chapters are named after, each once."""
    phases = (m.label for text in chapters for m in text.matches if m.kind is Kind.PHASE)
    return list(dict.fromkeys(phases))


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
