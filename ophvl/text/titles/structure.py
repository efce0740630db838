"""Structure a messy title.

The inputs are title, description and chapters of a video, the concepts in them, and those gathered from its
narrations. No raw wording is copied, so emoji, hashtags, names, numbers and promotions disappear. The text
follows one template, parts without a value left out:

    <surgery> by <technique> with <device> for <condition>, <eye> eye. Steps: <phases in order>.

The title and the lead of the description decide together; chapters fill the fields that they leave empty.
The surgery may also come from the narrations, where at least two clips name it. Keywords (tags) are not
used: most channels put the same ones under every video.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ophvl.ontology import Ontology
from ophvl.text.concepts.matching import Matcher
from ophvl.text.titles.fields import FIELDS, TaggedText, read_fields
from ophvl.text.titles.laterality import find_eye
from ophvl.text.titles.mentions import description_lead, present_matches, shown_matches
from ophvl.text.titles.surgical import SurgicalAssessment, assess
from schemas.titles import Evidence
from schemas.vocab import Eye, Kind, Surgical

_MIN_CLIPS = 2
_MIN_CONCEPTS = 3
"""So many procedures and steps in the narrations make an unknown title's video surgical."""
_MAX_SURGERIES = 2
_MAX_STEPS = 6


@dataclass(frozen=True, kw_only=True)
class GatheredConcept:
    """A concept of the video's narrations, with the number of clips that state it as present."""

    kind: Kind
    label: str
    clips: int


@dataclass(frozen=True, kw_only=True)
class StructuredTitle:
    """What a video shows. `title` is None where no field is known; `reason` explains `is_surgical`."""

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
    title: TaggedText,
    description: TaggedText,
    ontology: Ontology,
    *,
    chapters: Sequence[TaggedText] = (),
    gathered: Sequence[GatheredConcept] = (),
) -> StructuredTitle:
    """Build the structured title from what the texts state as present.

    Args:
        chapters: in order of time.
        gathered: in the order in which the narrations first name them.
    """
    shown_title = _shown_part(title, title.text)
    lead = _shown_part(description, description_lead(description.text))
    shown_chapters = [_shown_part(chapter, chapter.text) for chapter in chapters]
    phases = _phases(shown_chapters)
    assessment = _with_narrations(assess(shown_title, lead, ontology), gathered)
    from_title = read_fields([shown_title, lead], ontology)
    from_chapters = [e for e in read_fields(shown_chapters, ontology) if e.value not in phases]
    evidence = list(_assessment_evidence(assessment, shown_title, lead))
    fields: dict[str, tuple[str, ...]] = {}
    for field in FIELDS:
        values = [e for e in from_title if e.field == field] or [
            e for e in from_chapters if e.field == field
        ]
        if field == "surgery" and not values:
            values = _narrated_surgery(gathered)
        fields[field] = tuple(e.value for e in values)
        evidence += values
    eye_evidence = _eye([shown_title, lead, *shown_chapters])
    eye = Eye(eye_evidence.value) if eye_evidence else None
    steps = [g.label for g in gathered if g.kind is Kind.PHASE] or phases
    return StructuredTitle(
        title=_sentence(fields, eye, steps[:_MAX_STEPS]),
        is_surgical=assessment.is_surgical,
        reason=f"{assessment.reason}: '{assessment.surface}'"
        if assessment.surface
        else assessment.reason,
        eye=eye,
        evidence=(*evidence, *([eye_evidence] if eye_evidence else [])),
        **fields,
    )


def structure_title(title: str, description: str | None, matcher: Matcher) -> StructuredTitle:
    """Build the structured title of a video of which only title and description are known."""
    return structure(
        tagged_text("title", title, matcher),
        tagged_text("description", description or "", matcher),
        matcher.ontology,
    )


def tagged_text(column: str, text: str, matcher: Matcher) -> TaggedText:
    """Find the concepts that a published text states as present."""
    return TaggedText(column=column, text=text, matches=present_matches(text, matcher))


def _shown_part(text: TaggedText, part: str) -> TaggedText:
    """Return the head of a text, with the concepts in it that the video itself shows."""
    matches = [match for match in text.matches if match.end <= len(part)]
    return TaggedText(column=text.column, text=part, matches=shown_matches(part, matches))


def _with_narrations(
    assessment: SurgicalAssessment, gathered: Sequence[GatheredConcept]
) -> SurgicalAssessment:
    procedures = [
        g for g in gathered if g.kind in (Kind.SURGERY, Kind.PHASE, Kind.OPERATION) and g.clips
    ]
    if assessment.is_surgical is not Surgical.UNKNOWN or len(procedures) < _MIN_CONCEPTS:
        return assessment
    labels = ", ".join(g.label for g in procedures[:_MIN_CONCEPTS])
    return SurgicalAssessment(
        is_surgical=Surgical.YES, surface=labels, reason="the narrations tell surgery"
    )


def _assessment_evidence(
    assessment: SurgicalAssessment, title: TaggedText, lead: TaggedText
) -> Iterator[Evidence]:
    if assessment.surface:
        folded = assessment.surface.casefold()
        texts = (t.column for t in (title, lead) if folded in t.text.casefold())
        yield Evidence(
            field="is_surgical",
            value=assessment.is_surgical,
            text_column=next(texts, "text"),
            surface=assessment.surface,
        )


def _narrated_surgery(gathered: Sequence[GatheredConcept]) -> list[Evidence]:
    often = [g for g in gathered if g.kind is Kind.SURGERY and g.clips >= _MIN_CLIPS]
    often.sort(key=lambda g: -g.clips)
    return [
        Evidence(field="surgery", value=g.label, text_column="text", surface=f"in {g.clips} clips")
        for g in often[:_MAX_SURGERIES]
    ]


def _eye(texts: Sequence[TaggedText]) -> Evidence | None:
    for text in texts:
        mention = find_eye(text.text)
        if mention:
            return Evidence(
                field="eye", value=mention.eye, text_column=text.column, surface=mention.surface
            )
    return None


def _phases(chapters: Sequence[TaggedText]) -> list[str]:
    """Return the phases that chapters are named after, each once."""
    phases = (m.label for text in chapters for m in text.matches if m.kind is Kind.PHASE)
    return list(dict.fromkeys(phases))


def _sentence(
    fields: Mapping[str, tuple[str, ...]], eye: Eye | None, steps: Sequence[str]
) -> str | None:
    parts: list[str] = []
    prepositions = {"surgery": "", "technique": "by ", "device": "with ", "condition": "for "}
    for field, preposition in prepositions.items():
        if fields[field]:
            parts.append((preposition if parts else "") + _join(fields[field]))
    text = " ".join(parts)
    if text and eye:
        text += ", both eyes" if eye is Eye.BOTH else f", {eye} eye"
    if text:
        text = text[0].upper() + text[1:]
    if steps:
        steps_text = f"Steps: {', '.join(steps)}."
        text = f"{text}. {steps_text}" if text else steps_text
    return text or None


def _join(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"
