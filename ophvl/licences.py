"""What a licence allows. In: its name as published. Out: one of four classes."""

from __future__ import annotations

import re

from schemas.vocab import LicenceClass


def licence_class(licence: str | None) -> LicenceClass:
    """What a published licence allows, as far as its name tells."""
    words = re.findall(r"[a-z]+", (licence or "").lower())
    if "nd" in words or "noderivatives" in words or "noderivs" in words:
        return LicenceClass.UNKNOWN  # Whether a dataset is a derivative is for its maker to judge.
    if "cc" in words or ("creative" in words and "commons" in words):
        non_commercial = "nc" in words or "noncommercial" in words or "commercial" in words
        return LicenceClass.NON_COMMERCIAL if non_commercial else LicenceClass.OPEN
    if "public" in words and "domain" in words:
        return LicenceClass.OPEN
    return LicenceClass.STANDARD if "standard" in words else LicenceClass.UNKNOWN
