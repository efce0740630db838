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
        ("All rights reserved", LicenceClass.STANDARD),
        ("not Creative Commons, all rights reserved", LicenceClass.STANDARD),
        ("non-standard terms", LicenceClass.UNKNOWN),
        ("Creative Commons, commercial use allowed", LicenceClass.OPEN),
        ("Creative Commons Attribution-No Derivative Works 3.0", LicenceClass.UNKNOWN),
        ("Creative Commons Attribution Non-Commercial No Derivatives", LicenceClass.UNKNOWN),
        ("CC BYNCND", LicenceClass.UNKNOWN),
        ("CC BYNC", LicenceClass.NON_COMMERCIAL),
        # Vimeo's codes
        ("by", LicenceClass.OPEN),
        ("by-sa", LicenceClass.OPEN),
        ("by-nc-sa", LicenceClass.NON_COMMERCIAL),
        ("by-nc-nd", LicenceClass.UNKNOWN),
        ("cc0", LicenceClass.OPEN),
        # PeerTube's labels
        ("Attribution - Share Alike", LicenceClass.OPEN),
        ("Attribution - Non Commercial - Share Alike", LicenceClass.NON_COMMERCIAL),
        ("Attribution - No Derivatives", LicenceClass.UNKNOWN),
        ("Public Domain Dedication", LicenceClass.OPEN),
        ("Attribution, and ask us before", LicenceClass.UNKNOWN),
        ("by the author", LicenceClass.UNKNOWN),
        # archive.org's addresses
        ("https://creativecommons.org/licenses/by/4.0/", LicenceClass.OPEN),
        ("http://creativecommons.org/licenses/by-nc-sa/3.0/", LicenceClass.NON_COMMERCIAL),
        ("http://creativecommons.org/licenses/by-nc-nd/3.0/", LicenceClass.UNKNOWN),
        ("http://creativecommons.org/licenses/publicdomain/", LicenceClass.OPEN),
        ("https://creativecommons.org/publicdomain/zero/1.0/", LicenceClass.OPEN),
    ],
)
def test_licence_class(licence: str | None, expected: LicenceClass) -> None:
    assert licence_class(licence) is expected
