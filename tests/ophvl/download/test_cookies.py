"""Cookie files: what yt-dlp cannot load is refused at once, by its line, and no cookie is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from ophvl.download.cookies import read_cookies
from ophvl.errors import ConfigError

HEADER = "# Netscape HTTP Cookie File\n"


def line(host: str = "e.org", flag: str = "FALSE", expires: str = "1999999999") -> str:
    return f"{host}\t{flag}\t/\tFALSE\t{expires}\tsession\tsecret\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read the cookie file"),
        (b"\xff", "not UTF-8 text"),
        ("", "line 1 of the cookie file"),
        ("secret\n", "line 1 of the cookie file"),
        (".e.org\tTRUE\t/\tFALSE\tsoon\tsession\tsecret\n", "line 1 of the cookie file"),
        (HEADER + "\n.e.org TRUE / FALSE 0 session secret\n", "line 3"),
        (HEADER + line() + line(".e.org", "FALSE") + line(), "line 3"),
        (HEADER + line("e.org", "TRUE"), "line 2"),
        (HEADER + line(".e.org", "yes"), "line 2"),
        (HEADER + "#HttpOnly_" + line(expires="\u0661\u0662"), "line 2"),
        (HEADER + line(expires="9" * 400), "line 2"),
        (HEADER + '[{"value": "secret"}]\n', "line 2"),
    ],
)
def test_a_broken_cookie_file_is_named_and_its_cookies_are_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str | bytes | None, message: str
) -> None:
    path = tmp_path / "cookies.txt"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=message) as caught:
        read_cookies(path)
    assert str(caught.value).count(str(path)) == 1
    assert "export the cookies again" in str(caught.value)
    assert "secret" not in str(caught.value) + "".join(capfd.readouterr())


def test_a_cookie_file_in_netscape_form_is_taken(tmp_path: Path) -> None:
    text = HEADER + "\n# a comment\n" + line() + line(".e.org", "TRUE", "") + "#HttpOnly_" + line()
    path = tmp_path / "cookies.txt"
    path.write_text(text + line(expires="1999999999.5"))
    assert read_cookies(path).startswith(text)
