"""Cookies of a login. In: a file in Netscape form. Out: its text, if yt-dlp can take all of it."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path

from ophvl.errors import ConfigError

_HEADER = "# Netscape HTTP Cookie File"


def read_cookies(path: Path) -> str:
    """The text of a cookie file.

    Raises:
        ConfigError: it is not there, or yt-dlp cannot take it; no cookie is told.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "it is not a text in UTF-8"
        raise ConfigError(
            f"cannot read the cookie file {path}: {reason}; export the cookies again, and name that file"
        ) from None
    first, *lines = text.split("\n")
    if not _is_taken(first):
        raise ConfigError(
            f"line 1 of the cookie file {path} is not '{_HEADER}'; export the cookies again, in Netscape form"
        )
    if not _is_taken(text):
        bad = (n for n, line in enumerate(lines, start=2) if not _is_taken(f"{_HEADER}\n{line}\n"))
        number = next(bad, None)
        where = "the cookie file" if number is None else f"line {number} of the cookie file"
        raise ConfigError(
            f"{where} {path} is not in Netscape form: seven cells with tabs between them, of which the "
            "second is TRUE where the first begins with a dot, else FALSE; export the cookies again"
        )
    return text


def _is_taken(text: str) -> bool:
    """Whether yt-dlp can load all of a cookie file. Its complaints tell cookies: nobody hears them."""
    from yt_dlp.cookies import YoutubeDLCookieJar

    complaints = io.StringIO()
    with contextlib.redirect_stderr(complaints), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The standard library warns of a bug of its own.
        try:
            YoutubeDLCookieJar(io.StringIO(text)).load()
        except Exception:  # noqa: BLE001  It fails in many ways, with the line in the message.
            return False
    return not complaints.getvalue()
