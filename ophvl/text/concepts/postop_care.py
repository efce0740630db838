"""Advice for the time after surgery, by its own words and by times that no operation lasts.

In: a text, and spans of it that the ontology knows as advice. Out: spans of whole pieces of advice, each
within its clause: "no flying until the gas is gone", "a shield at night for one week".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ophvl.text.concepts.cue_index import Cues, words

_NUMBER = (
    r"(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|few"
    r"|couple of|several)"
)
_LATER = re.compile(
    rf"\b(?:for (?:(?:the|at least|about|another|up to|next|first|or) )*{_NUMBER}?(?: (?:to"
    rf"|or) {_NUMBER})?"
    rf"[ -]?(?:more )?(?:days?|weeks?|months?|nights?|years?)|(?:at|every|each|over|for the"
    rf"|the first) night"
    rf"|overnight|tonight|tomorrow|at bedtime|until [\w' ]+|till [\w' ]+"
    rf"|(?:{_NUMBER} times|once|twice|thrice) (?:(?:a|per|every|each) (?:day|week)|daily)"
    rf"|(?:once |twice )?daily"
    rf"|every {_NUMBER} hours|every (?:hour|morning|evening|month|week|day)|hourly|q\.?i\.?d"
    rf"|t\.?d\.?s|b\.?i\.?d"
    rf"|(?:at|in|after|within) (?:the )?{_NUMBER} (?:days?|weeks?|months?)|next (?:day|morning"
    rf"|week|month)"
    r"|(?:on )?(?:the )?(?:first|second|third|following|next) (?:postoperative )?(?:day|morning)"
    r"|on day (?:\w+)|after surgery|at home|post-?op(?:eratively)?|outdoors|whil(?:e"
    r"|st) (?:sleeping|asleep))\b",
    re.I,
)
_TIMES_A_DAY = re.compile(
    rf"\b(?:(?:{_NUMBER} times|once|twice|thrice) (?:(?:a|per|every|each) day|daily)"
    rf"|every {_NUMBER} hours|hourly)\b",
    re.I,
)
_BORDER = re.compile(
    r"[.;:!?,\n]|\s+(?:but|because|so|which|and then|and (?=(?:no|not|avoid|i|we|she|he|they"
    r"|you|a|an|the|then|face|to|wear|keep|return|come|take|start|sleep|lie|stay|call)\b)"
    r"|(?=(?:to|for) (?:prevent|avoid|reduce|limit|protect|keep|control|treat|improve"
    r"|minimi[sz]e|lower|decrease)))",
    re.I,
)
_REACH = 110

_DRESSING = (
    r"(?:(?:eye )?(?:shields?|patch(?:es)?|pads?|dressings?)|bandage|(?:bandage |contact "
    r"|soft )+lens(?:es)?"
    r"|(?:sun)?glasses|drops?|ointments?|steroids?|antibiotics?|lubricants?|tears|compress(?:es)?"
    r"|(?:ice|cold|cool|warm) packs?|packs|tablets?|painkillers?|massages?|taper(?:ed|ing)?"
    r"|pillows?|conformer"
    r"|bolsters?|bed ?rest|hygiene|posture|posturing|positioning|physiotherapy|exercises?"
    r"|medications?)"
)
_WORN = re.compile(rf"\b{_DRESSING}\b", re.I)
_LYING = re.compile(
    r"\b(?:(?:must |should |to )?(?:(?:stay|keep|remain|lie|lay|lying|sleep|sit|rest|posture"
    r"|position)(?:s|ing)?) "
    r"(?:\w+ )?(?:flat|face[- ]?down|upright|propped up|supine|prone|still|on (?:her|his|the|your"
    r"|their) (?:back|side|front|stomach)"
    r"|with (?:the|her|his|your) head)|face[- ]?down|head[- ](?:up|down|elevated)|nose[- ]down)\b",
    re.I,
)
_STAYS = re.compile(
    r"\b(?:(?:it|they|this|that|the (?:\w+ ){1,3}?) ?(?:stays?|remains?|is left|are left"
    r"|comes? (?:out|off))"
    r"|(?:leave|keep|left|remove|removed)(?: (?:it|the (?:\w+ ){1,3}?))?) ?(?:in|on|out|off"
    r"|in place|there|dry|closed)?\b",
    re.I,
)
_USED = re.compile(
    r"\b(?:wear|continue|use|apply|start|stop|take|instil|instill|put in|taper|restart"
    r"|resume)(?:s|ing|ed)?\b",
    re.I,
)
_SURELY_LATER = (
    r"(?:fly(?:ing)?|swim(?:ming)?|driv(?:e|ing)|air travel|contact sports?|sports?|gym"
    r"|heavy \w+|strenuous \w+"
    r"|(?:eye )?make-?up|mascara|sauna|hot tubs?|showers?|bending (?:over|down)|bend (?:over|down)"
    r"|(?:nose blowing|blow(?:ing)? (?:her|his|the|your|their) nose)"
    r"|(?:eye )?rub(?:bing)? (?:(?:the|her|his|your|their|that) )?(?:operated )?eyes?|rubbing"
    r"|exercise|exertion"
    r"|lifting (?:weights?|heavy)|lift (?:weights?|heavy|anything)|scuba|diving|smoking"
    r"|getting (?:it|the eye) wet)"
)
_FORBIDDEN = re.compile(
    rf"\b(?:no|avoid(?:ing)?|refrain from|stay away from|not(?: to)?|never|don't"
    rf"|stop)(?: \w+){{0,2}}? {_SURELY_LATER}\b",
    re.I,
)
_MAYBE_FORBIDDEN = re.compile(
    r"\b(?:no|avoid(?:ing)?|refrain from|not(?: to)?|never|don't) (?:\w+ )?(?:lift|bend|rub"
    r"|strain|touch|blow|squeez"
    r"|wash|sneez|sleep|wear|work|play)(?:ing|s)?\b",
    re.I,
)
_RETURN = re.compile(
    r"\b(?:come|comes|call|calls|return|returns|report|reports)(?: us)? (?:back )?(?:at once"
    r"|immediately|straight away|if"
    r"|tomorrow|in \w+ (?:day|week|month)s?|for (?:review|follow[ -]?up))\b",
    re.I,
)
_REVIEWED = re.compile(
    r"\b(?:seen|see|review|reviewed|look again|check|checked|follow(?:ed)?[ -]up)"
    r"(?: (?:her|him|them|the patient|again|in clinic|back|visit|the pressure))*\b",
    re.I,
)
_AVOIDED = re.compile(r"\b(?:avoid(?:s|ing)?|refrain from|nothing|stay away from) \w+", re.I)
_NO_WORDS = words("no avoid avoiding refrain stay not never don stop")
_BY_THEMSELVES = (
    (_FORBIDDEN, _NO_WORDS),
    (_RETURN, words("come comes call calls return returns report reports")),
)
"""Patterns that are advice wherever they stand, with the words they begin with."""
_WITH_A_TIME = (
    (
        _LYING,
        words(
            "must should to stay stays keep keeps remain remains lie lies lay lying sleep sleeps "
            "sleeping sit sits rest rests posture position face head nose staying keeping resting "
            "sitting"
        ),
    ),
    (_MAYBE_FORBIDDEN, _NO_WORDS),
    (_AVOIDED, words("avoid avoids avoiding refrain nothing stay")),
    (_STAYS, words("it they this that the leave keep left remove removed")),
    (
        _USED,
        words(
            "wear wears wearing continue continues continuing use uses using apply applies start starts "
            "starting stop stops take takes taking instil instill instills put taper tapers tapering "
            "restart resume resumes"
        ),
    ),
)
"""Patterns that are advice where a time after surgery follows, with the words they begin with."""
_REVIEW_WORDS = words("seen see review reviewed look check checked follow followed")
_DRESSING_WORDS = words(
    "eye shield shields patch patches pad pads dressing dressings bandage contact soft "
    "sunglasses glasses drop drops ointment ointments steroid steroids antibiotic antibiotics "
    "lubricant lubricants tears compress compresses ice cold cool warm packs tablet tablets "
    "painkiller painkillers massage massages taper tapered tapering pillow pillows conformer "
    "bolster bolsters bed bedrest hygiene posture posturing positioning physiotherapy exercise "
    "exercises medication medications"
)
_LATER_WORDS = words(
    "day days week weeks month months night nights year years overnight tonight tomorrow "
    "bedtime until till daily hourly hour hours morning evening home outdoors postop "
    "postoperatively post sleeping asleep surgery qid tds bid"
)
_NUMBER_WORDS = words(
    "a an one two three four five six seven eight nine ten twelve fourteen few several once "
    "twice thrice every hourly 1 2 3 4 5 6 8"
)
_IN_HAND = re.compile(r"\s+(?:is|are|was|were) (?:given|injected|placed|put|used)")
"""What is done now: "antibiotic is given"."""
_LEAD_IN = re.compile(r"\b(?:no|avoid|not|never|wear|keep|use|apply) $", re.I)
_NOT_OF_IT = words(
    "on in with gets get is are of to and a an the for have has had she he they we i you put "
    "puts place at then by should must will can may shall needs under over from as her his "
    "their your gives give given receives also plus or into after"
)


def spans(cues: Cues, known: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Start and end of each piece of advice. `known` are spans of advice that need no further sign."""
    text = cues.text
    for start, end in known:
        yield _lead_in(text, start), _close_known(text, end)
    for pattern, first in _BY_THEMSELVES:
        for cue in cues.matches(pattern, first):
            yield cue.start(), _close(text, cue.end())
    if cues.any_of(_LATER_WORDS):
        for start, end in _timed(cues):
            yield start, _close(text, end)


def _timed(cues: Cues) -> Iterator[tuple[int, int]]:
    """What is advice because of a time that follows: start, and end of what is sure to belong to it."""
    text = cues.text
    for cue in cues.matches(_REVIEWED, _REVIEW_WORDS):
        if _LATER.match(text, cue.end() + 1):
            yield cue.span()
    for cue in cues.matches(_WORN, _DRESSING_WORDS):
        if _later(text, cue.end()) and not _IN_HAND.match(text, cue.end()):
            yield _head_start(text, cue.start()), cue.end()
    for pattern, first in _WITH_A_TIME:
        for cue in cues.matches(pattern, first):
            if _lasts(text, cue.end()):
                yield cue.span()
    for cue in cues.matches(_TIMES_A_DAY, _NUMBER_WORDS):
        yield cue.span()


def _close(text: str, start: int) -> int:
    border = _BORDER.search(text, start, start + _REACH)
    if border:
        return border.start()
    if start + _REACH >= len(text):
        return len(text.rstrip())
    blank = text.rfind(" ", start, start + _REACH)
    return blank if blank > 0 else start + _REACH


def _close_known(text: str, end: int) -> int:
    """Known advice reaches on to the end of its clause if a time follows."""
    return _close(text, end) if _later(text, end) else end


def _later(text: str, start: int) -> bool:
    """Whether the rest of the clause tells a time after surgery."""
    return bool(_LATER.search(text, start, _close(text, start)))


def _lasts(text: str, start: int) -> bool:
    """Whether a time of days or nights follows in the clause."""
    found = _LATER.search(text, start, _close(text, start))
    return found is not None and not found.group().lower().startswith(("at home", "post"))


def _lead_in(text: str, start: int) -> int:
    """Back over a word that known advice begins with."""
    before = _LEAD_IN.search(text, max(0, start - 8), start)
    return before.start() if before else start


def _head_start(text: str, start: int) -> int:
    """Back over the words that belong to the noun: "antibiotic and steroid drops", "plastic eye shield"."""
    words = list(re.finditer(r"[\w'-]+", text[max(0, start - 40) : start]))
    first = start
    for word in reversed(words[-4:]):
        gap = text[max(0, start - 40) + word.end() : first]
        if gap.strip() or word.group().lower() in _NOT_OF_IT or word.group().lower().endswith("ly"):
            break
        first = max(0, start - 40) + word.start()
    return first
