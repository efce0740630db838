"""Classify licences. In: name, code or address as published. Out: one of four classes.

Sites name Creative Commons in their own ways: "Creative Commons Attribution license (reuse allowed)"
(YouTube), `by-nc-sa` (Vimeo), "Attribution - Non Commercial" (PeerTube), the address of the deed
(archive.org). Only a text that is such a name from end to end counts: further words may restrict the
licence. https://creativecommons.org/share-your-work/cclicenses/
"""

from __future__ import annotations

import re
import unicodedata

from schemas.vocab import LicenceClass

_BETWEEN = re.compile(r"[\s\-\u2010-\u2015_/.,:()]+")
"""Separators between the words of a name. Others, such as a question mark, occur in none."""

_CUT_SHORT = re.compile(r"(?:\.\.|[-\u2010-\u2015,:(])\s*$")
"""The text was cut off, and the rest may restrict the licence."""

_PORTS = (
    "ar|at|au|az|be|bg|br|ca|ch|cl|cn|co|cr|cz|de|dk|ec|ee|eg|es|fi|fr|ge|gr|gt|hk|hr|hu|ie|igo|il|in|it"
    "|jp|kr|lu|mk|mt|mx|my|nl|no|nz|pe|ph|pl|pr|pt|ro|rs|se|sg|si|th|tw|ug|uk|us|ve|vn|za"
    "|argentina|australia|austria|azerbaijan|belgium|brazil|bulgaria|canada|chile|china|colombia"
    "|costa rica|croatia|czech republic|denmark|ecuador|egypt|england(?: and)? wales|estonia|finland"
    "|france|georgia|germany|greece|guatemala|hong kong|hungary|india|ireland|israel|italy|japan"
    "|luxembourg|macedonia|malaysia|malta|mexico|netherlands|new zealand|norway|peru|philippines|poland"
    "|portugal|puerto rico|romania|scotland|serbia|singapore|slovenia|south africa|south korea|spain"
    "|sweden|switzerland|taiwan|thailand|uganda|united kingdom|united states|venezuela|vietnam"
)
"""Countries and organisations with licence versions of their own; they occur after a version only."""
_REACH = "international|unported|generic|universal"
_RELEASE = rf"(?: (?:v ?|version )?[1-4](?: \d)?(?: (?:{_REACH}|{_PORTS}))?| (?:{_REACH}))?"
_SITE = r"(?:https? )?(?:www )?creativecommons org"
_DEED = r"(?: (?:deed|legalcode)(?: [a-z]{2}){0,2})?"
_SHARE_ALIKE = r"sa|share ?alike"
_COMMERCIAL_FORBIDDEN = r"nc|non ?commercial"


def _attribution(*conditions: str) -> re.Pattern[str]:
    """Return a pattern for a licence that requires attribution and any of these conditions.

    A name may be followed by its code: "Attribution 4.0 International (CC BY 4.0)".
    """
    code = rf"(?:by|attribution)(?: ?(?:{'|'.join(conditions)}))*"
    licence = r"(?: (?:public )?licen[cs]e)?"
    name = rf"(?:(?:cc|creative ?commons) ?)?{code}{licence}{_RELEASE}{licence}"
    named = rf"{name}(?: {name})?(?: (?:cc|creative ?commons))?(?: reuse allowed)?"
    return re.compile(rf"{named}|{_SITE} licenses {code}{_RELEASE}{_DEED}")


_ZERO = r"(?:cc|creative ?commons) ?(?:0|zero)"
_DOMAIN = r"(?:(?:cc|creative ?commons) )?public ?domain(?: (?:mark|dedication|work))?"
_WAIVER = rf"(?:{_ZERO}|{_DOMAIN}){_RELEASE}"
_PUBLIC_DOMAIN = re.compile(
    rf"{_WAIVER}(?: {_WAIVER}){{0,2}}"
    rf"|{_SITE} (?:licenses publicdomain|publicdomain (?:zero|mark){_RELEASE}){_DEED}"
)

_KNOWN = (
    (_PUBLIC_DOMAIN, LicenceClass.OPEN),
    (_attribution(_SHARE_ALIKE), LicenceClass.OPEN),
    (_attribution(_SHARE_ALIKE, _COMMERCIAL_FORBIDDEN), LicenceClass.NON_COMMERCIAL),
)
"""The first pattern that matches a whole name decides. Licences that forbid derivatives are not here: whether
a dataset is a derivative is for its author to judge."""

_RESERVED = re.compile(r"\ball rights reserved\b|(?<!non )\bstandard\b")
"""Decides wherever it occurs: all rights are reserved."""


def licence_class(licence: str | None) -> LicenceClass:
    """Return the class of a published licence, by its name."""
    folded = unicodedata.normalize("NFKC", licence or "").casefold()
    name = _BETWEEN.sub(" ", folded).strip()
    if _RESERVED.search(name):
        return LicenceClass.STANDARD
    if _CUT_SHORT.search(folded):
        return LicenceClass.UNKNOWN
    return next((known for form, known in _KNOWN if form.fullmatch(name)), LicenceClass.UNKNOWN)
