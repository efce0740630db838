"""Licences by their names, as sites give them."""

from __future__ import annotations

import pytest

from ophvl.sources.licences import licence_class
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
        ("Creative Commons, commercial use allowed", LicenceClass.UNKNOWN),
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


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("Creative Commons Attribution 4.0 International (CC BY 4.0)", LicenceClass.OPEN),
        ("Creative Commons Attribution-ShareAlike 3.0 Germany License", LicenceClass.OPEN),
        ("CC-BY-NC-SA-3.0-DE", LicenceClass.NON_COMMERCIAL),
        ("CC BY-NC\u2011SA", LicenceClass.NON_COMMERCIAL),
        ("Attribution-NonCommercial 4.0 International", LicenceClass.NON_COMMERCIAL),
        ("Attribution (CC BY-NC 4.0)", LicenceClass.NON_COMMERCIAL),
        ("cc by v4", LicenceClass.OPEN),
        ("attribution-cc", LicenceClass.OPEN),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", LicenceClass.OPEN),
        ("Public Domain Dedication (CC0)", LicenceClass.OPEN),
        ("https://creativecommons.org/licenses/by-nc/3.0/us/", LicenceClass.NON_COMMERCIAL),
        ("https://creativecommons.org/licenses/by-sa/4.0/deed.pt_BR", LicenceClass.OPEN),
        ("https://creativecommons.org/publicdomain/mark/1.0/", LicenceClass.OPEN),
        ("all-rights-reserved", LicenceClass.STANDARD),
        ("\u00a9 all rights reserved, cc", LicenceClass.STANDARD),
    ],
)
def test_a_name_is_known_with_its_version_its_country_and_its_code(
    licence: str, expected: LicenceClass
) -> None:
    assert licence_class(licence) is expected


@pytest.mark.parametrize(
    "licence",
    [
        "Creative Commons",
        "Creative Commons, not for commercial use",
        "CC BY, no commercial use",
        "cc by, educational use only",
        "CC BY no",
        "CC BY?",
        "Creative Commons Atribuci\u00f3n-NoComercial",
        "Creative Commons Attribution - Keine Bearbeitung",
        "Creative Commons Attribution-NonComm.",
        "Creative Commons Attribution-...",
        "CC BY-",
        "CC BY \u2026",
        "\u8bf7\u52ff CC BY",
        "Creative Commons Sampling Plus",
        "Closed captions (CC) available",
        "Copyright, contact cc@clinic.org",
        "https://cc.au.dk/licence",
        "https://example.org/licenses/by/4.0/",
        "https://creativecommons.org/licenses/by-nd/4.0/",
        "https://creativecommons.org/licenses/sampling+/1.0/",
        "Not in the public domain",
        "non-public domain",
        "public domain dedication withdrawn",
        "Public domain in the US",
        "Some rights reserved",
    ],
)
def test_what_a_name_does_not_say_from_end_to_end_opens_nothing(licence: str) -> None:
    assert licence_class(licence) is LicenceClass.UNKNOWN
