"""What a licence allows. In: its name, code or address as published. Out: one of four classes.

Sites name Creative Commons in their own ways: "Creative Commons Attribution license (reuse allowed)"
(YouTube), `by-nc-sa` (Vimeo), "Attribution - Non Commercial" (PeerTube), the address of the deed
(archive.org). https://creativecommons.org/share-your-work/cclicenses/
"""

from __future__ import annotations

import re

from schemas.vocab import LicenceClass

_COMMONS = frozenset({"cc", "creativecommons"})

_CODE = frozenset({"by", "sa", "nc"})
_LABEL = frozenset(
    {"attribution", "share", "alike", "sharealike", "non", "commercial", "noncommercial"}
)

_NON_COMMERCIAL = frozenset({"nc", "noncommercial", "commercial"})

_NO_DERIVATIVES = re.compile(r"\bnd\b|\bno ?deriv")
"""Whether a dataset is a derivative is for its maker to judge."""

_PUBLIC_DOMAIN = re.compile(r"\bpublic ?domain\b")


def licence_class(licence: str | None) -> LicenceClass:
    """What a published licence allows, as far as its name tells."""
    words = re.findall(r"[a-z]+", (licence or "").lower())
    text, known = " ".join(words), frozenset(words)
    if _NO_DERIVATIVES.search(text):
        return LicenceClass.UNKNOWN
    if _PUBLIC_DOMAIN.search(text):
        return LicenceClass.OPEN
    code = words[:1] == ["by"] and known <= _CODE
    label = words[:1] == ["attribution"] and known <= _LABEL
    if known & _COMMONS or "creative commons" in text or code or label:
        return LicenceClass.NON_COMMERCIAL if known & _NON_COMMERCIAL else LicenceClass.OPEN
    if "standard" in known or "all rights reserved" in text:
        return LicenceClass.STANDARD
    return LicenceClass.UNKNOWN
