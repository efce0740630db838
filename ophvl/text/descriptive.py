"""How far a narration describes what is done and seen in the eye, rather than anything else.

In: a narration and the concepts found in it. Out: a score from 0 to 1. A sum of five things that
descriptions have, less three that talk has:

    + 0.30  something is done      an action, phase, operation or surgery
    + 0.20  with something         an instrument or medication
    + 0.20  somewhere              anatomy, disease or complication
    + 0.15  in the voice of the room   "I", "we", "here", "now", "you can see", ...
    + 0.15  densely                full at one concept for every six words
    - 0.35  for each of            address to the audience; study talk; case history

The weights are set by hand so that one deed with its tool or tissue passes the default threshold (0.3)
and any greeting, sponsor or question without a deed fails it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ophvl.text.matching import Match
from schemas.vocab import Kind

_DEED = frozenset({Kind.ACTION, Kind.PHASE, Kind.OPERATION, Kind.SURGERY})
_TOOL = frozenset({Kind.INSTRUMENT, Kind.MEDICATION})
_PLACE = frozenset({Kind.ANATOMY, Kind.DISEASE, Kind.COMPLICATION})

_ROOM_VOICE = re.compile(
    r"\b(?:i|we|here|now|next|i['\u2019]m|we['\u2019]re|you (?:can )?(?:see|notice)|note (?:how|the|that)"
    r"|is being|are being|gently|carefully|slowly|using|with (?:a|the|my))\b",
    re.IGNORECASE,
)
_TALK = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:hello|hi everyone|good (?:morning|evening|afternoon)|welcome|thank(?:s| you)|see you"
        r"|my name is|i am dr|i['\u2019]m dr|let me know|any questions|hope you|stay tuned"
        r"|subscribe|like and share|comments?|channel|bell icon|link (?:below|in)|website"
        r"|sponsor|sponsored|discount|promo|registration|conflicts? of interest)\b|\?\s*$",
        r"\b(?:stud(?:y|ies)|percent|trial|published|literature|meta-analysis|p value|randomi[sz]ed"
        r"|guidelines?|evidence|lecture|slide|incidence|prevalence|data|journal|outcomes?)\b|\d\s?%",
        r"\b(?:year[- ]old|presented with|history of|complain(?:ed|s|ing) of|visual acuity|referred"
        r"|diagnosed|on examination|last week|months? ago|years? ago|underwent)\b",
    )
)
_WORD = re.compile(r"\w+")
_WORDS_PER_CONCEPT = 6


def descriptive_score(text: str, matches: Sequence[Match]) -> float:
    """Score the text by the formula above; an empty text or one without concepts scores 0."""
    words = len(_WORD.findall(text))
    if not matches or not words:
        return 0.0
    kinds = {match.kind for match in matches}
    density = min(1.0, len(matches) * _WORDS_PER_CONCEPT / words)
    score = (
        0.30 * (not kinds.isdisjoint(_DEED))
        + 0.20 * (not kinds.isdisjoint(_TOOL))
        + 0.20 * (not kinds.isdisjoint(_PLACE))
        + 0.15 * bool(_ROOM_VOICE.search(text))
        + 0.15 * density
        - 0.35 * sum(bool(talk.search(text)) for talk in _TALK)
    )
    return min(1.0, max(0.0, score))
