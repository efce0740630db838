"""Licences by their names, as sites give them."""

from __future__ import annotations

import pytest

from ophvl.licences import licence_class
from schemas.vocab import LicenceClass


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        (None, LicenceClass.UNKNOWN),
        ("", LicenceClass.UNKNOWN),
        ("Standard YouTube License", LicenceClass.STANDARD),
        ("Creative Commons Attribution license (reuse allowed)", LicenceClass.OPEN),
        ("CC BY 4.0", LicenceClass.OPEN),
        ("CC BY-NC-SA 4.0", LicenceClass.NON_COMMERCIAL),
        ("Attribution-NonCommercial Creative Commons", LicenceClass.NON_COMMERCIAL),
        ("CC BY-ND 4.0", LicenceClass.UNKNOWN),
        ("CCTV footage, ask us", LicenceClass.UNKNOWN),
        ("Public Domain Mark", LicenceClass.OPEN),
    ],
)
def test_licence_class(licence: str | None, expected: LicenceClass) -> None:
    assert licence_class(licence) is expected
