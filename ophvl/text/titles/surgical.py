"""Whether a video shows surgery, by what its publisher says of it.

In: title and description, with the concepts found in them. Out: a `Verdict`. `title_cues.tsv` lists words
that speak against it, each with the verdict it leads to where the title names no surgery and where it
does: make-up is "no" in either case, a contact lens beside a pterygium excision takes nothing away.
Only "no" costs a video its place, so what says nothing (`case_4687.mp4`, "eye") is unknown.
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
from ophvl.text.titles.fields import Text, read_fields
from ophvl.text.titles.mentions import affirmed, description_lead, is_past, shown
from schemas.vocab import Kind, Surgical

CUES = Path(__file__).with_name("cues.tsv")
_COLUMNS = ("cue", "without_surgery", "with_surgery", "reason")

_DEEDS = frozenset({Kind.SURGERY, Kind.PHASE, Kind.OPERATION})
_EYE_KINDS = frozenset({Kind.ANATOMY, Kind.DISEASE, Kind.COMPLICATION, Kind.INSTRUMENT})
_EXAMINATIONS = frozenset(
    {
        *("operation:gonioscopy", "operation:slit_lamp_examination", "operation:tonometry"),
        *("operation:biometry", "operation:funduscopy", "operation:ophthalmoscopy"),
        *("operation:examination_under_anesthesia", "operation:fundus_examination"),
    }
)
"""Done in surgery and outside of it: they name none."""

_INTRAOPERATIVE = frozenset(
    f"complication:{slug}"
    for slug in (
        *("posterior_capsule_rupture", "anterior_capsule_tear", "argentinian_flag_sign"),
        *("rhexis_runout", "vitreous_loss", "dropped_nucleus", "iris_prolapse", "corneal_burn"),
        *(
            "intraoperative_miosis",
            "suprachoroidal_hemorrhage",
            "suction_loss",
            "flap_complication",
        ),
        *("iatrogenic_retinal_break", "chamber_collapse", "zonular_dialysis"),
    )
)
"""Happen in surgery alone: "Argentinian flag sign, how I managed it"."""

_SURGERY_WORD = re.compile(
    r"\b(?:surger(?:y|ies)|surgical|intraoperative|intra op|operat(?:ion|ed|ive)|removal|excision|incision"
    r"|resection|extraction|explantation|implantation|transplant(?:ation)?|graft|drainage|repair|biopsy"
    r"|reconstruction|repositioning|exchange|revision|washout|lavage|decompression|fixation|peel(?:ing)?|curettage|debridement|debulking|aspiration|injection|suturing"
    r"|cirurgia|cirugia|operacion|operacao|chirurgie|chirurgia|intervento|operation|eingriff|op"
    r"|ameliyat(?:i|lari)?|ameliyatı|cerrahi(?:si)?|операци[яию]|хирурги[яию]|удаление|удаления"  # noqa: RUF001
    r"|عملية|عمليه|جراحة|استئصال|ازالة|operasi|bedah|phau thuat)\b"
    r"|सर्जरी|ऑपरेशन|शस्त्रक्रिया|शल्य|手术|手術|摘除|切除|수술|절제"
)
_QUESTION = re.compile(
    r"(?:is|are|am|can|could|does|do|did|will|should|why|when|which|who)\b[^?]*\?"
)
_VERSUS = re.compile(r"\s*(v/?s\.?|versus|or)\s*", re.IGNORECASE)
_SEVERITY = (Surgical.YES, Surgical.UNKNOWN, Surgical.NO)
_FIRST_UNSPACED_SCRIPT = "\u2e80"


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
    return listed_verdict(title, description, matcher).is_surgical


def listed_verdict(title: str, description: str | None, matcher: Matcher) -> Verdict:
    """As `surgical_verdict`, with the words that it rests on."""
    lead = description_lead(description)
    return verdict(
        Text(column="title", text=title, matches=shown(title, affirmed(title, matcher))),
        Text(column="description", text=lead, matches=shown(lead, affirmed(lead, matcher))),
        matcher.ontology,
    )


def verdict(title: Text, lead: Text, ontology: Ontology) -> Verdict:
    """Judge a title with the head of its description; the matches are those that the video shows."""
    named = _surgery_named(title, ontology)
    against = _against(title, bool(named) or _tells_complication(title))
    if against:
        return against
    if named:
        return Verdict(is_surgical=Surgical.YES, surface=named, reason="the title names surgery")
    told = _surgery_named(lead, ontology)
    against = _against(lead, bool(told))
    if against and against.is_surgical is Surgical.NO and not told:
        return against
    if told and not against:
        return Verdict(
            is_surgical=Surgical.YES, surface=told, reason="the description names surgery"
        )
    return Verdict(is_surgical=Surgical.UNKNOWN)


def _surgery_named(text: Text, ontology: Ontology) -> str:
    """The words that name surgery: a procedure or step, what implies one, or "surgery" beside the eye."""
    for match in text.matches:
        if match.kind in _DEEDS and match.concept_id not in _EXAMINATIONS:
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


def _tells_complication(text: Text) -> bool:
    """ "How to avoid a capsule rupture" is for surgeons, though it names no surgery."""
    return any(match.kind is Kind.COMPLICATION for match in text.matches)


def _against(text: Text, surgery_named: bool) -> Verdict | None:
    """The hardest verdict among the cues in the text; None where none takes anything away."""
    cues, pattern = _cues()
    hardest: Verdict | None = None
    folded = fold(text.text).text.strip()
    for hit in pattern.finditer(folded):
        cue = cues[hit.group()] if hit.group() in cues else cues[hit.group().removesuffix("s")]
        said = cue.with_surgery if surgery_named else cue.without_surgery
        if said is Surgical.YES:
            continue
        if hardest is None or _SEVERITY.index(said) > _SEVERITY.index(hardest.is_surgical):
            hardest = Verdict(is_surgical=said, surface=hit.group(), reason=cue.reason)
    if hardest is None and _QUESTION.match(folded):
        asked = folded.split()[0]
        return Verdict(is_surgical=Surgical.UNKNOWN, surface=asked, reason="a question")
    if hardest is None and (compared := _compared(text)):
        return Verdict(is_surgical=Surgical.UNKNOWN, surface=compared, reason="a comparison")
    return hardest


def _compared(text: Text) -> str:
    """The word that sets one procedure against another: "LASIK vs SMILE" may well be a talk."""
    surgeries = [match for match in text.matches if match.kind is Kind.SURGERY]
    for first, second in pairwise(surgeries):
        versus = _VERSUS.fullmatch(text.text, first.end, second.start)
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
