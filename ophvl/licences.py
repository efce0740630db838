"""What a licence allows. In: its name, code or address as published. Out: one of four classes.

Sites name Creative Commons in their own ways: "Creative Commons Attribution license (reuse allowed)"
(YouTube), `by-nc-sa` (Vimeo), "Attribution - Non Commercial" (PeerTube), the address of the deed
(archive.org). https://creativecommons.org/share-your-work/cclicenses/
"""

from __future__ import annotations

import re

from schemas.vocab import LicenceClass

_COMMONS = re.compile(r"\bcc\b|\bcreative ?commons\b")
_CODE = re.compile(r"by( (sa|nc))*|attribution( (share ?alike|non ?commercial))*")
_NON_COMMERCIAL = re.compile(r"\bnc\b|\bnon ?commercial\b|\bby(nc|sa)*nc")
_NO_DERIVATIVES = re.compile(r"\bnd\b|\bno ?deriv|\bby(nc|sa)*nd\b")
"""Whether a dataset is a derivative is for its maker to judge."""
_PUBLIC_DOMAIN = re.compile(r"\bpublic ?domain\b")
_RESERVED = re.compile(r"\ball rights reserved\b|(?<!non )\bstandard\b")
_DENIED = re.compile(r"\bnot (creative|public|cc\b|under)")


def licence_class(licence: str | None) -> LicenceClass:
    """What a published licence allows, as far as its name tells."""
    name = " ".join(re.findall(r"[a-z]+", (licence or "").lower()))
    if _RESERVED.search(name):
        return LicenceClass.STANDARD
    if _NO_DERIVATIVES.search(name) or _DENIED.search(name):
        return LicenceClass.UNKNOWN
    if _PUBLIC_DOMAIN.search(name):
        return LicenceClass.OPEN
    if _COMMONS.search(name) or _CODE.fullmatch(name):
        return LicenceClass.NON_COMMERCIAL if _NON_COMMERCIAL.search(name) else LicenceClass.OPEN
    return LicenceClass.UNKNOWN
