"""Assess whether a video shows surgery, by its title and description.

`cues.tsv` lists words that are evidence against it, each with the result where the title names no surgery
and where it does: make-up is "no" in either case, a contact lens beside a pterygium excision changes
nothing. Only "no" drops a video, so a title that says nothing (`case_4687.mp4`, "eye") is unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from ophvl.errors import ConfigError
from ophvl.ontology import Ontology
from ophvl.ontology.forms import fold
from ophvl.text.concepts.matching import Matcher
from ophvl.text.titles.fields import TaggedText, read_fields
from ophvl.text.titles.mentions import description_lead, is_past, present_matches, shown_matches
from ophvl.text.words import with_blanks
from schemas.vocab import Kind, Surgical

CUES = Path(__file__).with_name("cues.tsv")
_COLUMNS = ("cue", "without_surgery", "with_surgery", "reason")

_PROCEDURES = frozenset({Kind.SURGERY, Kind.PHASE, Kind.OPERATION})
_EYE_KINDS = frozenset({Kind.ANATOMY, Kind.DISEASE, Kind.COMPLICATION, Kind.INSTRUMENT})
_EXAMINATIONS = frozenset(
    {
        *("operation:gonioscopy", "operation:nasal_endoscopy", "phase:anterior_chamber_inspection"),
        *("phase:corneal_measurement", "phase:peripheral_retinal_inspection"),
    }
)
"""Done in surgery and outside of it: they do not name surgery."""

_INTRAOPERATIVE = frozenset(
    {
        *("complication:posterior_capsule_rupture", "complication:anterior_capsule_tear"),
        *("complication:argentinian_flag_sign", "complication:rhexis_runout"),
        *(
            "complication:vitreous_loss",
            "complication:dropped_nucleus",
            "complication:iris_prolapse",
        ),
        *("complication:corneal_burn", "complication:intraoperative_miosis"),
        *("complication:suprachoroidal_hemorrhage", "complication:suction_loss"),
        *("complication:flap_complication", "complication:iatrogenic_retinal_break"),
        *("complication:chamber_collapse", "complication:zonular_dialysis"),
    }
)
"""Happen in surgery alone: "Argentinian flag sign, how I managed it"."""

_SURGERY_WORDS_OF_OTHER_SCRIPTS = (
    *("عملية", "عمليه", "جراحة", "استئصال", "ازالة", "सर्जरी", "ऑपरेशन", "शस्त्रक्रिया", "शल्य"),
    *("手术", "手術", "摘除", "切除", "수술", "절제"),
)
"""They may have letters before and after them; folding changes some, so the folded form counts."""
_SURGERY_WORD = re.compile(
    r"\b(?:surger(?:y|ies)|surgical|intraoperative|intra op|operat(?:ion|ed|ive)|removal|excision|incision"
    r"|resection|extraction|explantation|implantation|transplant(?:ation)?|graft|drainage|repair|biopsy"
    r"|reconstruction|repositioning|exchange|revision|washout|lavage|decompression|fixation|peel(?:ing)?"
    r"|curettage|debridement|debulking|aspiration|injection|suturing"
    r"|cirurgia|cirugia|operacion|operacao|chirurgie|chirurgia|intervento|operation|eingriff|op"
    r"|ameliyat(?:[iı]|lar[iı])?|cerrahi(?:si)?|операци[яию]|хирурги[яию]|удаление|удаления"  # noqa: RUF001
    r"|operasi|bedah|phau thuat"
    r")\b" + "".join(f"|{fold(word).text}" for word in _SURGERY_WORDS_OF_OTHER_SCRIPTS)
)
_QUESTION = re.compile(
    r"(?:is|are|am|can|could|does|do|did|will|should|why|when|which|who)\b[^?]*\?"
)
_VERSUS = re.compile(r"\s*(v/?s\.?|versus|or)\s*", re.IGNORECASE)
_SEVERITY = (Surgical.YES, Surgical.UNKNOWN, Surgical.NO)
_FIRST_UNSPACED_SCRIPT = "\u2e80"


@dataclass(frozen=True, kw_only=True)
class SurgicalAssessment:
    """Whether a video is surgical, and the words that this rests on (empty where nothing is evidence)."""

    is_surgical: Surgical
    surface: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class _Cue:
    without_surgery: Surgical
    with_surgery: Surgical
    reason: str


def assess_listing(title: str, description: str | None, matcher: Matcher) -> SurgicalAssessment:
    """Assess a video before its download, from what the listing says."""
    lead = description_lead(description)
    return assess(
        TaggedText(
            column="title",
            text=title,
            matches=shown_matches(title, present_matches(title, matcher)),
        ),
        TaggedText(
            column="description",
            text=lead,
            matches=shown_matches(lead, present_matches(lead, matcher)),
        ),
        matcher.ontology,
    )


def assess(title: TaggedText, lead: TaggedText, ontology: Ontology) -> SurgicalAssessment:
    """Assess a title with the lead of its description; the matches are those that the video shows."""
    named = _surgery_named(title, ontology)
    against = _against(title, bool(named) or _names_complication(title))
    if against:
        return against
    if named:
        return SurgicalAssessment(
            is_surgical=Surgical.YES, surface=named, reason="the title names surgery"
        )
    named_in_lead = _surgery_named(lead, ontology)
    against = _against(lead, bool(named_in_lead))
    if against and against.is_surgical is Surgical.NO and not named_in_lead:
        return against
    if named_in_lead and not against:
        return SurgicalAssessment(
            is_surgical=Surgical.YES, surface=named_in_lead, reason="the description names surgery"
        )
    return SurgicalAssessment(is_surgical=Surgical.UNKNOWN)


def _surgery_named(text: TaggedText, ontology: Ontology) -> str:
    """Return the words that name surgery: a procedure or step, or implies one, or "surgery" with the eye."""
    for match in text.matches:
        if match.kind in _PROCEDURES and match.concept_id not in _EXAMINATIONS:
            return match.surface
    for evidence in read_fields([text], ontology):
        if evidence.field == "surgery":
            return evidence.surface
    for match in text.matches:
        if match.concept_id in _INTRAOPERATIVE:
            return match.surface
    if not any(match.kind in _EYE_KINDS for match in text.matches):
        return ""
    folded = fold(text.text).text
    words = _SURGERY_WORD.finditer(folded)
    return next((word.group() for word in words if not is_past(folded, word.start())), "")


def _names_complication(text: TaggedText) -> bool:
    """Tell whether it names a complication: "How to avoid a capsule rupture" is for surgeons."""
    return any(match.kind is Kind.COMPLICATION for match in text.matches)


def _against(text: TaggedText, surgery_named: bool) -> SurgicalAssessment | None:
    """Return the strongest assessment among the cues against surgery; None where none applies."""
    cues, pattern = _cues()
    hardest: SurgicalAssessment | None = None
    folded = fold(text.text).text.strip()
    for hit in pattern.finditer(folded):
        cue = cues[hit.group()] if hit.group() in cues else cues[hit.group().removesuffix("s")]
        outcome = cue.with_surgery if surgery_named else cue.without_surgery
        if outcome is Surgical.YES:
            continue
        if hardest is None or _SEVERITY.index(outcome) > _SEVERITY.index(hardest.is_surgical):
            hardest = SurgicalAssessment(
                is_surgical=outcome, surface=hit.group(), reason=cue.reason
            )
    if hardest is None and _QUESTION.match(folded):
        question_word = folded.split()[0]
        return SurgicalAssessment(
            is_surgical=Surgical.UNKNOWN, surface=question_word, reason="a question"
        )
    if hardest is None and (compared := _compared(text)):
        return SurgicalAssessment(
            is_surgical=Surgical.UNKNOWN, surface=compared, reason="a comparison"
        )
    return hardest


def _compared(text: TaggedText) -> str:
    """Return the word that sets one procedure against another: "LASIK vs SMILE" may well be a talk."""
    surgeries = [match for match in text.matches if match.kind is Kind.SURGERY]
    for first, second in pairwise(surgeries):
        versus = _VERSUS.fullmatch(with_blanks(text.text), first.end, second.start)
        if versus:
            return versus[1]
    return ""


@cache
def _cues() -> tuple[dict[str, _Cue], re.Pattern[str]]:
    lines = CUES.read_text(encoding="utf-8").splitlines()
    if tuple(lines[0].split("\t")) != _COLUMNS:
        raise ConfigError(
            f"{CUES.name}:1: the first line must name the columns {', '.join(_COLUMNS)}"
        )
    cues = {}
    unspaced = set()
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
        if words >= _FIRST_UNSPACED_SCRIPT:
            unspaced.add(fold(words).text)
    longest_first = sorted(cues, key=lambda words: -len(words))
    spaced = "|".join(re.escape(words) for words in longest_first if words not in unspaced)
    joined = "|".join(re.escape(words) for words in longest_first if words in unspaced)
    return cues, re.compile(rf"\b(?:{spaced})s?\b|{joined}")
