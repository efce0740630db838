"""Normalise text once, where it enters: from sites, files, recognisers and servers.

The result has one spelling for what reads the same: composed letters, plain ones for full width, bold and
ligatures, plain blanks, quotes and hyphens, and nothing invisible. What has a value keeps it: superscripts
stay, fractions and units are written out ("2½" is "2 1/2", "㎜" is "mm"). Accents stay, and so does what
other scripts need. After this, offsets point into the text that is stored, and nothing else normalises it;
matching folds a copy (`ophvl.ontology.forms`).

This is the standard library with rules of our own. NFKC alone makes "102" of "10²". ftfy also guesses at text
that was read in a wrong encoding, but by rules that change with its version, and for the rest it offers NFKC.
"""

from __future__ import annotations

import html
import re
import unicodedata
from html.entities import html5

TITLE_CHARACTERS = 1_000
DESCRIPTION_CHARACTERS = 100_000
NAME_CHARACTERS = 200
"""Longest title, description, and name of a channel, tag or language; the rest is cut off."""

_LONGEST_ENTITY = 40
_MAX_MARKS = 4
"""Combining marks after a letter: no script needs more, a flood of them is a prank."""
_MAX_MARKS_UNSORTED = 30
"""The bound before composition, which sorts marks in quadratic time: that of Stream-Safe Text (UAX #15)."""

_SURE = re.compile(r"[\n -~]*")
"""ASCII without control characters is normal."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

_SPECIAL = {
    "\n": "\n",
    **dict.fromkeys("\r\x85", "\n"),
    **dict.fromkeys(
        "\u2800\u3164\uffa0", " "
    ),  # No blanks by category, but signs that show nothing.
    **dict.fromkeys("\u034f\ufffc\u2120\u2122", ""),  # A joiner, a placeholder, marks of trade.
    **dict.fromkeys("\u2010\u2011\u2012\u2212", "-"),
    "\u2103": "\u00b0C",
    "\u2109": "\u00b0F",
    "\u2116": "No",
    "\u2215": "/",
    "\u29f8": "/",  # yt-dlp writes this and the next for slashes in the names of files.
    "\u29f9": "\\",
}
_VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
"""Signs of numbers and verses: of category Cf as invisible ones are, but they show."""
_JOINERS = "\u200c\u200d"
_VARIATIONS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")

_BY_PLAIN_LETTERS = frozenset(
    {*("<font>", "<wide>", "<narrow>"), *("<initial>", "<medial>", "<final>", "<isolated>")}
)
"""Kinds of compatibility characters that are other shapes of plain ones."""
_WITH_CONTEXT = re.compile(
    "[\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff60\uffe0-\uffe6\ufe50-\ufe6b]"
)
"""Full-width punctuation, which Chinese, Japanese and Korean use: see `_plain_punctuation`."""
_FIRST_OTHER_SCRIPT = "\u0530"
"""Latin, Greek and Cyrillic stand before. In others compatibility letters are ordinary: Thai sara am."""
_PRESENTATION = re.compile("[\ufb00-\ufb4f\u2e9f\u2ef3\u2f00-\u2fd5]")

_EMOJI = "[\u2190-\u2bff\U0001f000-\U0001faff]"
_JOINING_SCRIPT = "[\u0600-\u10ff\u1200-\u1cff\ua840-\ua95f\ua980-\uabff]"
_JOINER = re.compile(
    rf"(?P<needed>(?<={_EMOJI})\u200d(?={_EMOJI})"
    rf"|(?<={_JOINING_SCRIPT})[{_JOINERS}](?={_JOINING_SCRIPT}))|[{_JOINERS}]+"
)
"""A joiner shapes letters of Arabic and Indic scripts, and makes one emoji of several; elsewhere it hides."""

_UPPER_DIGITS, _LOWER_DIGITS = "\u2070\u00b9\u00b2\u00b3\u2074-\u2079", "\u2080-\u2089"
_FRACTION = re.compile(
    rf"[\u00bc-\u00be\u2150-\u215e\u2189]|(?:[{_UPPER_DIGITS}]{{1,6}}\u2044|\u215f)[{_LOWER_DIGITS}]{{1,6}}"
)
_LOWERED = re.compile(rf"(?<=[^\W\d_{_UPPER_DIGITS}{_LOWER_DIGITS}])[{_LOWER_DIGITS}]++(?!\d)")
"""Digits of a formula ("C\u2083F\u2088"). After a digit they stay, since they would join it."""
_RAISED = re.compile("[\u02b0-\u02b8\u02e0-\u02e4\u1d2c-\u1d61\u1d9b-\u1dbf\u2071\u207f]{2,}")
"""Raised letters ("5\u1d57\u02b0"); a single one may be a power."""

_CHINESE_JAPANESE_KOREAN = re.compile(
    "[\u1100-\u11ff\u3041-\u30ff\u3130-\u318f\u3400-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_APOSTROPHE = re.compile("(?<=[^\\W\\d_])[\u00b4\u02b9\u02bc\u2032](?=[^\\W\\d_])")
_HYPHENLIKE = re.compile(r"(?<=[^\W_])\u2013(?=[^\W_])|(?<![^\s(\[])\u2013(?=\d)")
"""An en dash in a compound or range ("10\u20130 nylon"), or for minus; between blanks it is a dash."""
_QUOTES = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
        "\u2025": "..",
        "\u2026": "...",
    }
)


def normalise(text: str, limit: int | None = None) -> str:
    """Return a text in its one spelling, of at most `limit` characters; plain ASCII stays as it is.

    It takes time in proportion to the length, and does not change what it returned before.
    """
    if not _SURE.fullmatch(text):
        text = _normal(_without_surrogates(text))
    return text if limit is None or len(text) <= limit else text[:limit].rstrip(_JOINERS)


def normalise_markup(text: str, limit: int | None = None) -> str:
    """Return `normalise` of a text whose HTML entities are resolved, however often they were escaped."""
    text = normalise(text)
    while "&" in text and (resolved := _without_entities(text)) != text:
        text = normalise(resolved)
    return normalise(text, limit)


def _without_surrogates(text: str) -> str:
    """Return text that UTF-8 can hold: JSON allows half a surrogate pair."""
    if not _SURROGATE.search(text):
        return text
    whole = _SURROGATE_PAIR.sub(
        lambda pair: pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text
    )
    return _SURROGATE.sub("", whole)


def _normal(text: str) -> str:
    text = text.replace("\r\n", "\n").translate(_PLAIN)
    if text.isascii():
        return text
    text = _JOINER.sub(r"\g<needed>", text)
    text = unicodedata.normalize("NFC", _with_marks_up_to(_MAX_MARKS_UNSORTED, text))
    text = _FRACTION.sub(_fraction, text).replace("\u2044", "/")
    text = _LOWERED.sub(_compatible, text)
    text = _RAISED.sub(_compatible, text)
    if not _CHINESE_JAPANESE_KOREAN.search(text):
        text = _plain_punctuation(text)
    # The rules above may have put a letter before a mark.
    return _with_marks_up_to(_MAX_MARKS, unicodedata.normalize("NFC", text))


def _plain_punctuation(text: str) -> str:
    text = _WITH_CONTEXT.sub(_compatible, text).translate(_QUOTES)
    return _HYPHENLIKE.sub("-", _APOSTROPHE.sub("'", text))


def _compatible(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match.group())


def _fraction(match: re.Match[str]) -> str:
    """Return a fraction in plain digits, set off from digits and letters that it must not join."""
    value = _compatible(match).replace("\u2044", "/")
    start, end = match.span()
    before, after = match.string[max(0, start - 1) : start], match.string[end : end + 1]
    return f"{' ' if before.isalnum() else ''}{value}{' ' if after.isdigit() else ''}"


def _with_marks_up_to(most: int, text: str) -> str:
    """Return the text with at most so many combining marks in a row."""
    marks = "".join(
        c for c in set(text) if unicodedata.category(c) in ("Mn", "Me") or unicodedata.combining(c)
    )
    return re.sub(rf"([{marks}]{{{most}}})[{marks}]+", r"\1", text) if marks else text


def _without_entities(text: str) -> str:
    """Resolve entities that end in a semicolon, until none is left: "&amp;lt;" is "<".

    Those without one stay, as in "R&D" and in addresses ("?a=1&copy=2").
    """
    done: list[str] = []
    first, *pieces = text.split(";")
    tail = first
    for piece in pieces:
        tail = f"{_end_resolved(tail)}{piece}"
        if len(tail) > 2 * _LONGEST_ENTITY:
            done.append(tail[:-_LONGEST_ENTITY])
            tail = tail[-_LONGEST_ENTITY:]
    return "".join([*done, tail])


def _end_resolved(text: str) -> str:
    """Return text that a semicolon follows with that semicolon, or with the entity that it ends resolved."""
    while True:
        start = text.rfind("&", -_LONGEST_ENTITY)
        char = _character(text[start + 1 :]) if start >= 0 else None
        if char is None:
            return f"{text};"
        text = text[:start]
        if char != ";":
            return text + char


def _character(name: str) -> str | None:
    """Return the text of an entity; None if there is none of this name."""
    if f"{name};" not in html5 and not re.fullmatch(r"#(?:[0-9]+|[xX][0-9a-fA-F]+)", name):
        return None
    return html.unescape(f"&{name};")


class _PlainCharacters(dict[int, str]):
    """What each character becomes by itself, computed when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain(chr(code))
        return plain


_PLAIN = _PlainCharacters()


def _plain(char: str) -> str:
    """Return what a character becomes whatever stands around it."""
    if char in _SPECIAL:
        return _SPECIAL[char]
    category = unicodedata.category(char)
    if category == "Cc":
        return _plain_control(char)
    if category == "Zs":
        return " "
    if category in ("Zl", "Zp"):
        return "\n"
    if category == "Cf":
        return char if char in _VISIBLE_FORMATS or char in _JOINERS else ""
    is_noncharacter = ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef"
    if is_noncharacter or _VARIATIONS.match(char):
        return ""
    return _plain_shape(char)


def _plain_control(char: str) -> str:
    """Return a blank, or what a byte of Windows' Western code page stands for that was read as Latin-1."""
    western = char.encode("latin-1").decode("cp1252", "ignore")
    return "".join(map(_plain, western)) if western and western != char else " "


def _plain_composed(char: str) -> str:
    """Return a character with its letter plain, if that is not so already; its accents stay."""
    letters = unicodedata.normalize("NFD", char)
    plain = letters if letters == char else "".join(map(_plain, letters))
    return char if plain == letters else unicodedata.normalize("NFC", plain)


def _plain_shape(char: str) -> str:
    """Return the plain letters, digits or unit that a compatibility character is another shape of."""
    negative = re.match("[\U0001f150-\U0001f169\U0001f170-\U0001f189]", char)
    if negative:  # White on black; Unicode does not say of which letter.
        return chr(ord("A") + (ord(char) - 0x1F150) % 0x20)
    shape, _, codes = unicodedata.decomposition(char).partition(" ")
    if _WITH_CONTEXT.match(char):
        return char
    if not shape.startswith("<"):
        return _plain_composed(char)
    plain = "".join(chr(int(code, 16)) for code in codes.split())
    bare = plain.strip("()")
    if shape in _BY_PLAIN_LETTERS:
        fits = not "\uffa0" <= char <= "\uffdc"
    elif shape == "<square>":
        fits = not any(c.isdigit() and c < "\u0080" for c in plain)
    elif shape == "<circle>" or bare != plain:
        fits, plain = bare.isascii() and bare.isalpha(), bare
    else:
        is_plain_script = plain < _FIRST_OTHER_SCRIPT or _PRESENTATION.match(char) is not None
        fits = shape == "<compat>" and plain.isalpha() and is_plain_script
    return "".join(map(_plain, plain)) if fits else char
