"""Find advice for the time after surgery, by words of its own and by times that no operation lasts.

Each span is a whole piece of advice within its clause: "no flying until the gas is gone", "a shield at night
for one week".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ophvl.text.concepts.cue_index import CueIndex, word_set

_NUMBER = (
    r"(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|few"
    r"|(?:a )?couple of|several)"
)
_TIME_AFTER = re.compile(
    rf"\b(?:for (?:(?:the|at least|about|another|up to|next|first|or) )*{_NUMBER}?(?: (?:to"
    rf"|or) {_NUMBER})?"
    rf"[ -]?(?:more )?(?:days?|weeks?|months?|nights?|years?)|(?:at|every|each|over|for the"
    rf"|the first) night"
    rf"|overnight|tonight|tomorrow|at bedtime|until [\w' ]+|till [\w' ]+"
    rf"|(?:{_NUMBER} times|once|twice|thrice) (?:(?:a|per|every|each) (?:day|week)|daily)"
    rf"|(?:once |twice )?daily"
    rf"|every {_NUMBER} hours|every (?:hour|morning|evening|month|week|day)|hourly|qid"
    rf"|tds|bid"
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
_MAX_ADVICE = 110

_TREATMENT = (
    r"(?:(?:eye )?(?:shields?|patch(?:es)?|pads?|dressings?)|bandage|(?:bandage |contact "
    r"|soft )+lens(?:es)?"
    r"|(?:sun)?glasses|drops?|ointments?|steroids?|antibiotics?|lubricants?|tears|compress(?:es)?"
    r"|(?:ice|cold|cool|warm) packs?|packs|tablets?|painkillers?|massages?|taper(?:ed|ing)?"
    r"|pillows?|conformer"
    r"|bolsters?|bed ?rest|hygiene|posture|posturing|positioning|physiotherapy|exercises?"
    r"|medications?)"
)
_TREATMENTS = re.compile(rf"\b{_TREATMENT}\b", re.I)
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
_ACTIVITY = (
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
    rf"|stop)(?: \w+){{0,2}}? {_ACTIVITY}\b",
    re.I,
)
_FORBIDDEN_WITH_TIME = re.compile(
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
_NO_WORDS = word_set("no avoid avoiding refrain stay not never don stop")
_UNCONDITIONAL = (
    (_FORBIDDEN, _NO_WORDS),
    (_RETURN, word_set("come comes call calls return returns report reports")),
)
"""Patterns that are advice wherever they stand, with the words they begin with."""
_WITH_A_TIME = (
    (
        _LYING,
        word_set(
            "must should to stay stays keep keeps remain remains lie lies lay lying sleep sleeps "
            "sleeping sit sits rest rests posture position face head nose staying keeping resting "
            "sitting"
        ),
    ),
    (_FORBIDDEN_WITH_TIME, _NO_WORDS),
    (_AVOIDED, word_set("avoid avoids avoiding refrain nothing stay")),
    (_STAYS, word_set("it they this that the leave keep left remove removed")),
    (
        _USED,
        word_set(
            "wear wears wearing continue continues continuing use uses using apply applies start starts "
            "starting stop stops take takes taking instil instill instills put taper tapers tapering "
            "restart resume resumes"
        ),
    ),
)
"""Patterns that are advice where a time after surgery follows, with the words they begin with."""
_REVIEW_WORDS = word_set("seen see review reviewed look check checked follow followed")
_TREATMENT_WORDS = word_set(
    "eye shield shields patch patches pad pads dressing dressings bandage contact soft "
    "sunglasses glasses drop drops ointment ointments steroid steroids antibiotic antibiotics "
    "lubricant lubricants tears compress compresses ice cold cool warm packs tablet tablets "
    "painkiller painkillers massage massages taper tapered tapering pillow pillows conformer "
    "bolster bolsters bed bedrest hygiene posture posturing positioning physiotherapy exercise "
    "exercises medication medications"
)
_TIME_AFTER_WORDS = word_set(
    "day days week weeks month months night nights year years overnight tonight tomorrow "
    "bedtime until till daily hourly hour hours morning evening home outdoors postop "
    "postoperatively post sleeping asleep surgery qid tds bid"
)
_NUMBER_WORDS = word_set(
    "a an one two three four five six seven eight nine ten twelve fourteen few several once "
    "twice thrice every hourly 1 2 3 4 5 6 8"
)
_GIVEN_NOW = re.compile(r"\s+(?:is|are|was|were) (?:given|injected|placed|put|used)")
"""What is done during surgery: "antibiotic is given"."""
_LEAD_IN = re.compile(r"\b(?:no|avoid|not|never|wear|keep|use|apply) $", re.I)
_OUTSIDE_NOUN_PHRASE = word_set(
    "on in with gets get is are of to and a an the for have has had she he they we i you put "
    "puts place at then by should must will can may shall needs under over from as her his "
    "their your gives give given receives also plus or into after"
)


def advice_spans(cues: CueIndex, known: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield start and end of each piece of advice.

    Args:
        cues: the index of the text.
        known: spans that the ontology knows as advice; they need no further sign.
    """
    text = cues.text
    for start, end in known:
        yield _lead_in(text, start), _known_advice_end(text, end)
    for pattern, first in _UNCONDITIONAL:
        for cue in cues.matches(pattern, first):
            yield cue.start(), _advice_end(text, cue.end())
    if cues.contains_any(_TIME_AFTER_WORDS):
        for start, end in _advice_with_time(cues):
            yield start, _advice_end(text, end)


def _advice_with_time(cues: CueIndex) -> Iterator[tuple[int, int]]:
    """Yield advice that follows from a time after it: its start, and the end of what surely belongs to it."""
    text = cues.text
    for cue in cues.matches(_REVIEWED, _REVIEW_WORDS):
        if _TIME_AFTER.match(text, cue.end() + 1):
            yield cue.span()
    for cue in cues.matches(_TREATMENTS, _TREATMENT_WORDS):
        if _has_time_after(text, cue.end()) and not _GIVEN_NOW.match(text, cue.end()):
            yield _noun_phrase_start(text, cue.start()), cue.end()
    for pattern, first in _WITH_A_TIME:
        for cue in cues.matches(pattern, first):
            if _has_duration(text, cue.end()):
                yield cue.span()
    for cue in cues.matches(_TIMES_A_DAY, _NUMBER_WORDS):
        yield cue.span()


def _advice_end(text: str, start: int) -> int:
    """Return the end of advice that is open at `start`: a border or the maximal length, at a whole word."""
    border = _BORDER.search(text, start, start + _MAX_ADVICE)
    if border:
        return border.start()
    if start + _MAX_ADVICE >= len(text):
        return len(text.rstrip())
    blank = text.rfind(" ", start, start + _MAX_ADVICE)
    return blank if blank > 0 else start + _MAX_ADVICE


def _known_advice_end(text: str, end: int) -> int:
    """Return the end of known advice: that of its clause if a time follows."""
    return _advice_end(text, end) if _has_time_after(text, end) else end


def _has_time_after(text: str, start: int) -> bool:
    """Tell whether the rest of the clause names a time after surgery."""
    return bool(_TIME_AFTER.search(text, start, _advice_end(text, start)))


def _has_duration(text: str, start: int) -> bool:
    """Tell whether a time of days or nights follows in the clause."""
    time = _TIME_AFTER.search(text, start, _advice_end(text, start))
    return time is not None and not time.group().lower().startswith(("at home", "post"))


def _lead_in(text: str, start: int) -> int:
    """Return the start of known advice with the word that leads it in."""
    before = _LEAD_IN.search(text, max(0, start - 8), start)
    return before.start() if before else start


def _noun_phrase_start(text: str, start: int) -> int:
    """Return the start of the noun phrase: "antibiotic and steroid drops", "plastic eye shield"."""
    words = list(re.finditer(r"[\w'-]+", text[max(0, start - 40) : start]))
    first = start
    for word in reversed(words[-4:]):
        gap = text[max(0, start - 40) + word.end() : first]
        if (
            gap.strip()
            or word.group().lower() in _OUTSIDE_NOUN_PHRASE
            or word.group().lower().endswith("ly")
        ):
            break
        first = max(0, start - 40) + word.start()
    return first
