"""Decide whether a word that may be a verb is one in its context: "we cut", not "the cut" or "a cut edge".

The decision follows from the form's ending and the words beside it; there is no parser. Bare forms and forms
in -s need evidence for the verb (a subject, "to", an object that follows); participles need evidence against
it (an article or preposition before them).
"""

from __future__ import annotations

from dataclasses import dataclass

DETERMINERS = frozenset(
    {"a", "an", "the", "this", "these", "those", "another", "each", "every", "any", "some", "no"}
    | {"first", "second", "third", "one", "two", "three", "four", "five", "six", "several"}
    | {"my", "your", "his", "her", "its", "our", "their", "such", "same", "single", "little"}
)
_OBJECTS = frozenset({"it", "them", "him", "me", "us", "that", "both", "all", "everything"})
_PREPOSITIONS = frozenset(
    {"of", "with", "for", "in", "from", "on", "at", "by", "without", "into", "onto", "under"}
    | {"behind", "between", "over", "through", "during", "above", "below", "per"}
)
_AFTER_A_VERB = (
    DETERMINERS
    | _OBJECTS
    | (_PREPOSITIONS - {"of"})
    | {"down", "out", "up", "off", "back", "away", "around", "across", "forward", "along", "again"}
    | {"just", "here", "only", "until", "about", "towards", "toward", "beneath", "inside"}
)
_BEFORE_A_VERB = frozenset(
    {"to", "i", "we", "you", "they", "he", "she", "it", "who", "which", "that", "and", "or", "then"}
    | {"will", "can", "could", "should", "must", "may", "might", "would", "do", "does", "did"}
    | {
        "not",
        "never",
        "cannot",
        "now",
        "first",
        "next",
        "just",
        "simply",
        "also",
        "always",
        "please",
    }
    | {
        "let",
        "lets",
        "so",
        "but",
        "don't",
        "didn't",
        "doesn't",
        "won't",
        "can't",
        "couldn't",
        "wouldn't",
        "again",
        "often",
    }
    | {"usually", "still", "already", "either", "rather", "help", "helps", "here"}
)
_WEAK = frozenset({"and", "or", "but", "so", "first", "next", "here", "it", "that", "which"})
"""Words that come before verbs and nouns alike."""
_STATES = frozenset(
    {"open", "clean", "clear", "dry", "free", "close", "wet", "numb", "fold", "seal"}
)
"""Bare forms that name a state after "is"."""
_COPULAS = frozenset({"is", "are", "was", "were", "be", "been", "being", "has", "have", "had"})
_SUBJECTS_AND_COPULAS = _COPULAS | {"i", "we", "they", "then", "not", "now", "already"}
_ADJECTIVES = frozenset({"marked", "fixed", "raised", "closed", "opened", "advanced", "reduced"})
"""Participles that more often describe: "marked phacodonesis"."""
_GERUND = _COPULAS | {
    "by",
    "keep",
    "start",
    "started",
    "am",
    "i'm",
    "we're",
    "while",
    "when",
    "without",
}


@dataclass(frozen=True, slots=True)
class AdjacentWords:
    """The words before and after; empty where punctuation or the end of the text lies between."""

    before: str
    after: str
    is_hyphenated: bool = False
    """A hyphen joins the form to the word before it: "pre-cut", "fornix-based"."""


def is_verb(form: str, adjacent: AdjacentWords) -> bool:
    """Tell whether the form (folded; its first word may be a verb) is used as one."""
    word = form.partition(" ")[0]
    before, after = adjacent.before, adjacent.after
    if adjacent.is_hyphenated and before not in ("re", "pre"):
        return False
    if word.endswith("ing"):
        return before not in DETERMINERS and (after != "of" or before in _GERUND)
    if word.endswith("ed") and len(word) > 4:
        if before in DETERMINERS or before in _PREPOSITIONS:
            return False
        has_object = after in _AFTER_A_VERB or after.endswith("ly")
        if word in _ADJECTIVES and before not in _SUBJECTS_AND_COPULAS:
            return has_object
        if before in ("has", "have", "had"):  # "I have opened the wound"; "the capsule has opened"
            return has_object
        return bool(before) or not after or has_object
    return _is_finite(word, before, after)


def _is_finite(word: str, before: str, after: str) -> bool:
    """Decide for a bare form, a form in -s, or an irregular past."""
    has_object = after in _AFTER_A_VERB or after.endswith("ly")
    if before in ("that", "which", "who") and has_object:
        return True
    if before in DETERMINERS and before not in ("first", "second", "each", "every"):
        return False
    if before in _PREPOSITIONS or after in ("of", "is", "are", "was", "were"):
        return before in _COPULAS or before in ("i", "we")
    if before in _COPULAS:  # "is cut", "was torn"
        return word not in _STATES and not word.endswith("s")
    if before in _BEFORE_A_VERB - _WEAK or before.endswith("ly"):
        return True
    if before and before not in _WEAK:  # a noun or an adjective
        return after in DETERMINERS or after in ("it", "them")
    return has_object or not (word.endswith("s") or before in _WEAK)
