"""Score how far a narration describes what is done and visible in the eye, rather than anything else.

The score, 0 to 1, adds five properties of descriptions and subtracts five of other talk:

    + 0.30  an action              an action, phase or operation; a surgery by its name counts half
    + 0.20  a tool                 an instrument or medication
    + 0.20  a place or finding     anatomy, disease, complication or advice
    + 0.15  speech in the room     "I", "we", "here", "now", "you can see", ...
    + 0.15  density                full at one concept for every six words
    - 0.40  for each of            greeting; channel, sponsor or event; question; study or lecture; history

The weights are set by hand so that one action with its tool or tissue passes the default threshold (0.3)
and any greeting, sponsor or question without an action fails it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from ophvl.text.concepts.tagging import Attribute
from schemas.vocab import Kind

_ACTIONS = frozenset({Kind.ACTION, Kind.PHASE, Kind.OPERATION})
_TOOLS = frozenset({Kind.INSTRUMENT, Kind.MEDICATION})
_FINDINGS = frozenset({Kind.ANATOMY, Kind.DISEASE, Kind.COMPLICATION, Kind.POSTOP_CARE})

_IN_THE_ROOM = re.compile(
    r"\b(?:i|we|here|now|next|i['\u2019]m|we['\u2019]re|you (?:can )?(?:see|notice)|note (?:how"
    r"|the|that)"
    r"|is being|are being|gently|carefully|slowly|using|with (?:a|the|my))\b",
    re.IGNORECASE,
)
_OFF_TOPIC = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # greeting and thanks
        r"\b(?:hello|hi everyone|hi everybody|good (?:morning|evening|afternoon)|welcome"
        r"|thank(?:s| you)|see you"
        r"|my name is|i am dr|i['\u2019]m dr|hope you|stay tuned|grat(?:itude|eful)"
        r"|dedicate[ds]?|pleasure to"
        r"|for (?:watching|joining|your attention)|organi[sz]ers?|enjoyed|raise your hand)\b",
        # channel, sponsor, event
        r"\b(?:subscribe|like and share|comments?|channel|bell icon|link (?:below|in|is)"
        r"|website|sponsor(?:s|ed)?"
        r"|discount|promo|brought to you|episode|registration|register|half price|use the code"
        r"|wet lab|workshop"
        r"|courses?|webinar|fellowships?|conflicts? of interest|financial (?:interest"
        r"|disclosure)s?|disclosures?"
        r"|speakers?|podium|panel|audience|committee|congress|conference|session|chair(?:man"
        r"|person)?"
        r"|coffee|phones?|like button|tutorials?|residents|videos?|credit points"
        r"|trained (?:in|at)|next (?:talk|lecture))\b",
        # questions
        r"\b(?:let me know|any questions|which \w+ do you|do you prefer|questions"
        r"|what do you think|hear from|would you)\b|\?\s*$",
        # studies and teaching
        r"\b(?:stud(?:y|ies)|percent|per cent of (?:eyes|patients|cases)|trials?|published"
        r"|literature"
        r"|meta-analysis|p value|randomi[sz]ed|guidelines?|evidence|lecture"
        r"|talk (?:on|about)|presentation|slides?|incidence"
        r"|prevalence|data"
        r"|journal|outcomes?|success (?:rate )?(?:was|is|of)|series of|cohort|survey|theory"
        r"|history of)\b|\d\s?%",
        # the patient's history
        r"\b(?:year[- ]old|presented with|presents with|complain(?:ed|s|ing) of|visual acuity"
        r"|referred"
        r"|diagnosed|on examination|last week|months? ago|years? ago|underwent)\b",
    )
)
_WORD = re.compile(r"\w+")
_WORDS_PER_CONCEPT = 6


def descriptive_score(text: str, attributes: Sequence[Attribute]) -> float:
    """Score the text by the formula above; an empty text or one without concepts scores 0."""
    words = len(_WORD.findall(text))
    if not attributes or not words:
        return 0.0
    kinds = {attribute.kind for attribute in attributes}
    density = min(1.0, len(attributes) * _WORDS_PER_CONCEPT / words)
    score = (
        _action_score(kinds)
        + 0.20 * (not kinds.isdisjoint(_TOOLS))
        + 0.20 * (not kinds.isdisjoint(_FINDINGS))
        + 0.15 * bool(_IN_THE_ROOM.search(text))
        + 0.15 * density
        - 0.40 * sum(bool(pattern.search(text)) for pattern in _OFF_TOPIC)
    )
    return min(1.0, max(0.0, score))


def _action_score(kinds: Set[Kind]) -> float:
    if not kinds.isdisjoint(_ACTIONS):
        return 0.30
    return 0.15 if Kind.SURGERY in kinds else 0.0
