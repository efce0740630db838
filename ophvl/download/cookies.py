"""Cookies of a login. In: a file in Netscape form. Out: its text, if yt-dlp can load all of it."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path

from ophvl.errors import ConfigError

_HEADER = "# Netscape HTTP Cookie File"


def read_cookies(path: Path) -> str:
    """Read the text of a cookie file.

    Raises:
        ConfigError: the file is missing, or yt-dlp cannot load it; the message holds no cookie.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            f"cannot read the cookie file {path}: {reason}; export the cookies again, and name that file"
        ) from None
    first, *lines = text.split("\n")
    if not _loads(first):
        raise ConfigError(
            f"line 1 of the cookie file {path} is not '{_HEADER}'; export the cookies again, in Netscape form"
        )
    if not _loads(text):
        bad = (n for n, line in enumerate(lines, start=2) if not _loads(f"{_HEADER}\n{line}\n"))
        number = next(bad, None)
        where = "the cookie file" if number is None else f"line {number} of the cookie file"
        raise ConfigError(
            f"{where} {path} is not in Netscape form: seven cells with tabs between them, of which the "
            "second is TRUE where the first begins with a dot, else FALSE; export the cookies again"
        )
    return text


def _loads(text: str) -> bool:
    """Return whether yt-dlp can load all of a cookie file; its warnings hold cookies and are not shown."""
    from yt_dlp.cookies import YoutubeDLCookieJar

    warnings_text = io.StringIO()
    with contextlib.redirect_stderr(warnings_text), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The standard library warns of a bug in itself.
        try:
            YoutubeDLCookieJar(io.StringIO(text)).load()
        except Exception:  # noqa: BLE001  It fails in many ways.
            return False
    return not warnings_text.getvalue()
