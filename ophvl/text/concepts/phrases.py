"""Find what is expressed in clauses rather than terms: objectives, causes of disease, postoperative advice.

Phrases do not overlap. A cue opens a phrase, a border closes it: punctuation, a new subject, a conjunction
that starts something else. There is no parser; each rule stands beside its cues. The rules, with cues in
capitals:

    objective      "TO stain the capsule", "SO THAT it stays open", "FOR better visualization"; not the plain
                   infinitive ("I want to ...", "begin to ...") and not a place ("to the limbus")
    disease_cause  "DUE TO ...", "SECONDARY TO ...", "CAUSED BY ..."; right after a disease also "FROM ...",
                   "AFTER ...", "FOLLOWING ..."
    postop_care    what to wear, instill, avoid, how to lie and when to return: by words of its own and by
                   times that no operation lasts ("for five days", "at night")
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ophvl.text.concepts import postop_care
from ophvl.text.concepts.cue_index import CueIndex, word_set
from ophvl.text.concepts.matching import Match
from ophvl.text.concepts.verbs import DETERMINERS
from schemas.vocab import Kind

_MAX_PHRASE = 120
"""Characters in the longest phrase: some twenty words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    """A span of the text that expresses an objective, a cause or advice."""

    kind: Kind
    start: int
    end: int


def find_phrases(cues: CueIndex, matches: Sequence[Match]) -> list[Phrase]:
    """Return all phrases by start; of two that overlap, the earlier one."""
    candidates = sorted(
        (*_objectives(cues, matches), *_causes(cues, matches), *_advice(cues, matches)),
        key=lambda phrase: (phrase.start, -phrase.end),
    )
    retained: list[Phrase] = []
    for phrase in candidates:
        if not retained or phrase.start >= retained[-1].end:
            retained.append(phrase)
    return retained


PURPOSES = word_set(
    "achieve access adjust aid align allow anchor approximate assess assist assure avoid "
    "balance block break bring build bypass calm capture catch check clean clear close coat "
    "collapse compress confirm control correct counteract cover create cushion decompress "
    "decrease deepen define delay deliver demarcate detect determine dilate direct discourage "
    "displace distribute drain ease elevate eliminate encourage engage enhance enlarge ensure "
    "evaluate expand expose facilitate fill find fix fixate flatten flush form free gain guard "
    "guide halt help highlight hold identify immobilize improve increase inspect isolate keep "
    "leave let limit loosen lower lubricate lyse maintain make match maximize minimize mobilize "
    "neutralize normalize obtain occlude open optimize orient overcome permit position preserve "
    "pressurize prevent promote protect provide pull push raise reach reattach recenter "
    "recreate redistribute reduce reestablish reform regain reinforce relax release relieve "
    "remove reposit reposition repair resist restore retain retract rotate rule save seal seat "
    "secure see separate shield show slow smooth soften spare split stabilise stabilize stain "
    "stimulate stop straighten strengthen stretch supply support suppress take tamponade test "
    "tighten treat unfold unroll verify view visualise visualize weaken wet widen"
)
"""Verbs of purpose that count as verbs even without an object after them."""

_CONTINUES_OBJECTIVE = word_set(
    "achieve avoid control decrease ensure flatten improve increase keep limit lower maintain "
    "minimize prevent preserve promote protect reduce relieve restore stabilize support widen"
)
"""Verbs that continue an objective after "and"; another action after "and" is the next step."""

_TAKES_INFINITIVE = word_set(
    "want wants wanted like love need needs needed begin begins began start starts started "
    "starting continue continues continued try tries tried trying have has had having going "
    "ought hope hopes easy easier hard harder difficult important possible impossible ready "
    "prefer tend tends tended seem seems seemed appear appears decide decided happy enough able "
    "unable sure how what when where which whether way time willing remember forget let plan "
    "planned planning choose chose manage managed fail failed fails refuse wish expect expected "
    "expects supposed said reported known found get gets got come comes came us you tempting "
    "safe safer better best wise necessary essential mandatory advisable not prone likely "
    "unlikely about proceed proceeds due secondary attention close next adjacent attached "
    "adherent distal proximal anterior posterior parallel perpendicular prior according related "
    "is was are were be been"
)
"""Words after which "to" begins a plain infinitive or names a place, not an objective."""

_GOAL = re.compile(
    r"\b(?:aim|goal|idea|purpose|objective|intention|point|plan|trick|hope)\b[^.;]{0,40}$", re.I
)
_USED_TO = re.compile(r"\b(?:i|we|they|he|she|people|surgeons) used $", re.I)
_TO = re.compile(
    r"\b(?:(?P<lead>in order |so as )(?:not )?)?to (?P<verb>(?!be\b|do\b"
    r"|you\b)[a-z]{2,})(?: (?P<next>[a-z']+))?",
    re.I,
)
_SO_THAT = re.compile(
    r"\b(?:so|in order) that (?!(?:is|was|'s|will|would|looks|should)\b)\w+", re.I
)
_FOR = re.compile(
    r"\bfor (?:(?P<gerund>(?!watching|joining|listening|letting|having|being|doing|using"
    r"|waiting|sharing)[a-z]{2,}ing)"
    r"(?P<object> (?:the|an?|it|them|this)\b)?"
    r"|(?:(?:better|improved|enhanced|easier|additional|extra|adequate|optimal|good|easy|safe) )?"
    r"(?:visuali[sz]ation|visibility|h[a]?emostasis|exposure|protection|stability|stabili[sz]ation"
    r"|prophylaxis|traction|tamponade|centration|fixation|access|drainage|retraction))\b",
    re.I,
)
_NO_VERBS = DETERMINERS | word_set(
    "both all either half about around and or of in on at with by for it them him me us that what"
)
_OBJECT_NEXT = DETERMINERS | word_set("it them this that any all both him me us everything")
_BORDER = re.compile(
    r"[.;:!?,\n]|\s+\b(?:and then|then|because|but|which|while|before|after|until|once|so|when"
    r"|whereas|using"
    r"|by (?=\w+ing)|if|whenever|(?:and )?(?:i|we|you|he|she|they)\b(?! need)|and (?:it|there"
    r"|this|now|here)\b"
    r"|and (?=(?:the|a|an|my|your|this|that|each) (?:\w+ ){1,3}?(?:is|are|was|were|has|goes"
    r"|comes)\b))",
    re.I,
)
_COPULA = re.compile(r"\s+(?:is|are|was|were)\b", re.I)
_TAKES_CLAUSE = word_set(
    "assess assure check confirm decide demonstrate determine ensure identify inspect make "
    "prove see show test verify"
)
_AND = re.compile(r"\s+and (?:also )?(?P<word>[a-z]+)", re.I)
_NEXT_STEP = word_set(
    "start begin continue do make put place use go insert inject proceed finish take then turn try"
)


def _objectives(cues: CueIndex, matches: Sequence[Match]) -> Iterator[Phrase]:
    text = cues.text
    action_starts = {match.start for match in matches if match.kind is Kind.ACTION}
    end = 0
    for cue in cues.matches(_TO, word_set("to in so")):
        if cue.start() >= end and _is_objective(text, cue, action_starts):
            end = _objective_end(text, cue.start("verb"), action_starts)
            if cue["verb"].lower() not in _TAKES_CLAUSE and (
                copula := _COPULA.search(text, cue.end(), end)
            ):
                end = copula.start()
            yield Phrase(kind=Kind.OBJECTIVE, start=cue.start(), end=end)
    for cue in cues.matches(_SO_THAT, word_set("so in")):
        end = _phrase_end(text, cue.end(), _BORDER)
        yield Phrase(kind=Kind.OBJECTIVE, start=cue.start(), end=end)
    for cue in cues.matches(_FOR, word_set("for")):
        if cue["gerund"] is None or _stem(cue["gerund"]) & PURPOSES or cue["object"]:
            end = _objective_end(text, cue.end(), action_starts)
            yield Phrase(kind=Kind.OBJECTIVE, start=cue.start(), end=end)


def _is_objective(text: str, cue: re.Match[str], action_starts: set[int]) -> bool:
    verb, following = cue["verb"].lower(), (cue["next"] or "").lower()
    if verb in _NO_VERBS or (verb not in PURPOSES and verb.endswith(("ing", "ed", "ly"))):
        return False
    is_verb = verb in PURPOSES or cue.start("verb") in action_starts or following in _OBJECT_NEXT
    if not is_verb:
        return False
    if cue["lead"]:
        return True
    before = text[max(0, cue.start() - 60) : cue.start()]
    if before.lower().endswith("used "):
        return not _USED_TO.search(before)
    last = before.rstrip().rpartition(" ")[2].lower()
    if last in ("is", "was", "be"):
        return bool(_GOAL.search(before))
    return last not in _TAKES_INFINITIVE


def _objective_end(text: str, start: int, action_starts: set[int]) -> int:
    """Return the end of an objective: a border, or an "and" that leads to the next step."""
    end = _phrase_end(text, start, _BORDER)
    for joint in _AND.finditer(text, start, end):
        word = joint["word"].lower()
        if word in _NEXT_STEP or (
            joint.start("word") in action_starts and word not in _CONTINUES_OBJECTIVE
        ):
            return joint.start()
    return end


def _phrase_end(text: str, start: int, border: re.Pattern[str]) -> int:
    """Return the end of a phrase that is open at `start`: a border or the maximal length, at a whole word."""
    stop = border.search(text, start, start + _MAX_PHRASE)
    if stop:
        return stop.start()
    if start + _MAX_PHRASE >= len(text):
        return len(text.rstrip())
    blank = text.rfind(" ", start, start + _MAX_PHRASE)
    return blank if blank > 0 else start + _MAX_PHRASE


def _stem(gerund: str) -> set[str]:
    """Return the infinitives that a gerund may come from."""
    base = gerund.lower().removesuffix("ing")
    return {base, base + "e", base[:-1]}


_CAUSE = re.compile(
    r"\b(?:due to|secondary to|caused by|resulting from|as a (?:result|consequence|complication"
    r"|sequela) of"
    r"|owing to|induced by|attributed to|triggered by|brought on by|stemming from|arising from"
    r"|related to"
    r"|provoked by|on a background of)\b",
    re.I,
)
_CAUSE_FIRST_WORDS = word_set(
    "due secondary caused resulting as owing induced attributed triggered brought stemming "
    "arising related provoked on"
)
_CAUSE_AFTER_DISEASE_WORDS = word_set("from after following since because")
_CAUSE_AFTER_DISEASE = re.compile(r"\b(?:from|after|following|since|because of)\b", re.I)
_BETWEEN_DISEASE_AND_CAUSE = re.compile(
    r"[ ,]*(?:(?:of|in|on) (?:(?:the|a|an|his|her|this|both) )?(?:\w+[ -]){0,2}?\w+\b)?[ ,]*", re.I
)
_NOT_A_CAUSE = re.compile(
    r"\s+(?:that|which|this|the (?:procedure|operation|surgery|case|injection)\b|\d|one|two"
    r"|three|four|five|ten"
    r"|outside|inside|behind|above|below|here|there|\w+ing the\b)",
    re.I,
)
_CAUSE_BORDER = re.compile(
    r"[.;:!?,\n]|\s+(?:with|so|and (?=(?:i|we|the|it|needs?|now|then)\b)|but|because|which|who"
    r"|that (?=is|was)|i|we"
    r"|is|are|was|were|has|had|can|may|will|should|must|needs?|underwent|presented|presents"
    r"|responds?|clears|resolves?|extends|explains|makes|requires?|leads|causes|settles?"
    r"|develops?|in this|in a|where|while|then|treated|to (?=\w+ the))\b",
    re.I,
)
_NEW_NOUN = re.compile(
    r"(?<!\bof)(?<!\bto)(?<!\bby)(?<!\bin)(?<!\bon)(?<!\bfrom)(?<!\band)(?<!\bor)(?<!\bafter)(?<!\bwith)"
    r"(?<!\binto)(?<!following)(?<!\bat)(?<!\bfor)(?<!\bduring)(?<!since) (?=the |this |these "
    r"|our |my )",
    re.I,
)
_ARTICLE = re.compile(r"\s+(?:the |an? |its |his |her )?", re.I)
_NOUN_ENDS = re.compile(
    r"\s*(?:[.,;:!?]|$|(?:and|with|by|using|in|on|at|to|through|under|is|was)\b)", re.I
)
_NOT_CAUSES = frozenset({Kind.ANATOMY, Kind.INSTRUMENT, Kind.PHASE})
_CONDITIONS = frozenset({Kind.DISEASE, Kind.COMPLICATION})


def _causes(cues: CueIndex, matches: Sequence[Match]) -> Iterator[Phrase]:
    text = cues.text
    conditions = [match for match in matches if match.kind in _CONDITIONS]
    if not conditions:
        return
    for cue in cues.matches(_CAUSE, _CAUSE_FIRST_WORDS):
        yield _cause(text, cue)
    for cue in cues.matches(_CAUSE_AFTER_DISEASE, _CAUSE_AFTER_DISEASE_WORDS):
        if _is_cause(text, cue, matches, conditions):
            yield _cause(text, cue)


def _cause(text: str, cue: re.Match[str]) -> Phrase:
    start = cue.end() + 1
    end = _phrase_end(text, start, _CAUSE_BORDER)
    if new := _NEW_NOUN.search(text, start, end):
        end = new.start()
    return Phrase(kind=Kind.DISEASE_CAUSE, start=cue.start(), end=end)


def _is_cause(
    text: str, cue: re.Match[str], matches: Sequence[Match], conditions: Sequence[Match]
) -> bool:
    """Tell whether a condition that is no object of an action comes before, and no tissue or tool follows."""
    if _NOT_A_CAUSE.match(text, cue.end()):
        return False
    before = [m for m in conditions if m.end <= cue.start()]
    if not before or not _BETWEEN_DISEASE_AND_CAUSE.fullmatch(text, before[-1].end, cue.start()):
        return False
    clause = max(text.rfind(mark, 0, before[-1].start) for mark in ".;:!?,")
    if any(m.kind is Kind.ACTION and clause < m.start < cue.start() for m in matches):
        return False
    article = _ARTICLE.match(text, cue.end())
    at = article.end() if article else cue.end()
    return not any(
        m.start == at and m.kind in _NOT_CAUSES and _NOUN_ENDS.match(text, m.end) for m in matches
    )


def _advice(cues: CueIndex, matches: Sequence[Match]) -> Iterator[Phrase]:
    known = [(m.start, m.end) for m in matches if m.kind is Kind.POSTOP_CARE]
    for start, end in postop_care.advice_spans(cues, known):
        yield Phrase(kind=Kind.POSTOP_CARE, start=start, end=end)
