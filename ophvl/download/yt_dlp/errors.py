"""Classify errors of yt-dlp. In: its exception. Out: an `ItemError` of one kind, with its message.

The causes behind the exception decide first, then the HTTP status, then the wording, which is all that
many sites give. A disk that cannot be read or written is no fault of the item: `DiskFaultError` is raised.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from ophvl.errors import DiskFaultError, ItemError
from schemas.vocab import TRANSIENT, FailureKind

_BY_STATUS = {
    401: FailureKind.PRIVATE,
    402: FailureKind.PRIVATE,
    403: FailureKind.FORBIDDEN,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.TIMEOUT,
    410: FailureKind.NOT_FOUND,
    412: FailureKind.RATE_LIMITED,  # bilibili's status for a block.
    429: FailureKind.RATE_LIMITED,
    451: FailureKind.GEO_BLOCKED,
    504: FailureKind.TIMEOUT,
}

_REFUSES_US = re.compile(
    r"not a bot|captcha|anti-?bot|verify (that )?you are (a )?human|just a moment|you have been banned"
    r"|your account (has been|is) (banned|suspended)",
    re.IGNORECASE,
)
"""Decides before the status, which is 403 or 429 then: the site refuses us, not this item."""

_BY_WORDING = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"\bip\b.{0,20}(block|ban)|^please sign in", FailureKind.BLOCKED),
        (
            r"rate.?limit|too many requests|try again later|blocked by server",
            FailureKind.RATE_LIMITED,
        ),
        (r"confirm your age|age.?restrict|inappropriate for some", FailureKind.AGE_GATED),
        (
            r"(in|from) your (country|region|location)|geo.?(restrict|block)",
            FailureKind.GEO_BLOCKED,
        ),
        (
            r"private|members.only|subscribers|log ?in|(?<!not necessarily )logged.in|sign in"
            r"|registered users|password|premium|requires payment",
            FailureKind.PRIVATE,
        ),
        (r"access denied", FailureKind.FORBIDDEN),
        (r"redirect loop|infinite loop|too many redirects", FailureKind.REDIRECT_LOOP),
        (r"recording is not available", FailureKind.NOT_FOUND),
        (r"live (event|stream)|premieres? in", FailureKind.LIVE),
        (r"timed? ?out", FailureKind.TIMEOUT),
        (r"connection (refused|reset|aborted)|failed to (resolve|establish)", FailureKind.NETWORK),
        (r"format is not available|\bdrm\b", FailureKind.UNSUPPORTED),
        (
            r"processing this video|temporarily unavailable|\bmaintenance\b",
            FailureKind.SERVER_ERROR,
        ),
        (
            r"unavailable|not? (longer )?(available|exist)|removed|deleted|terminated|suspended"
            r"|copyright",
            FailureKind.NOT_FOUND,
        ),
        (
            r"did not get any data|more expected|expected \d+ bytes|incomplete",
            FailureKind.TRUNCATED,
        ),
        (r"downloaded file is empty", FailureKind.EMPTY),
    )
)

_STATUS = re.compile(r"HTTP Error (\d{3})")
_TIMED_OUT = re.compile(r"timed? ?out", re.IGNORECASE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST_MESSAGE = 500
"""Some sites put whole pages into their messages."""
_READ_CHARACTERS = 20_000
"""So much of a message is looked through."""
_LONGEST_WAIT_S = 7 * 86_400.0
"""Longer waits are taken for mistakes of the host: none may be closed for ever."""
_PREFIX = re.compile(r"^(ERROR: )?(\[[\w:+-]+\] (\S+: )?)?")
_TAIL = re.compile(r"(\(caused by |[;.] *please report this issue on ).*", re.DOTALL)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
"""Removed before the wording is matched: an address may hold any word."""
_ADDRESS = re.compile(r"//\S*")
_PASSWORD = re.compile(r"[^/:@\[]*:(?!\d+(?:/|$))")
"""Begins with a name and a password; what follows a port is a path."""
_END_OF_SENTENCE = ":;,.)]'\""
_PARTS = re.compile(r"[&;?#]")
_SHOWN = re.compile(r"(?:v|list)=[\w.-]+")

_SYSTEM_ERRORS = frozenset(
    {
        errno.EACCES,
        errno.EFBIG,
        errno.EIO,
        errno.ELOOP,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
        errno.ESTALE,
    }
)
"""Errors of the disk, of rights and of system limits: they would hit the next item too."""

_NO_MORE_FILES = frozenset({errno.EMFILE, errno.ENFILE})
"""Of these, the ones that a request may meet: a connection counts as an open file."""

_OF_FILES = (OSError, NotADirectoryError, PermissionError)
"""Types of file errors; those of the network derive from `OSError`, and have codes of their own."""

_ADVICE = {
    FailureKind.NOT_FOUND: "take it off the list, or find its new address",
    FailureKind.PRIVATE: "ask its owner for access",
    FailureKind.AGE_GATED: "fetch it by hand and add the file to the list",
    FailureKind.GEO_BLOCKED: "fetch it from another country",
    FailureKind.FORBIDDEN: "open it in a browser; it may need a login (--cookies)",
    FailureKind.BLOCKED: "stop for some hours, then go on more slowly",
    FailureKind.RATE_LIMITED: "wait, then go on more slowly",
    FailureKind.TIMEOUT: "try again",
    FailureKind.NETWORK: "check the connection, then try again",
    FailureKind.SERVER_ERROR: "try again later: it is an error of the server",
    FailureKind.REDIRECT_LOOP: "open it in a browser; it may need a login (--cookies)",
    FailureKind.LIVE: "try again once it has ended",
    FailureKind.TRUNCATED: "try again: it will be resumed",
    FailureKind.EMPTY: "try again, or take it off the list",
    FailureKind.TOO_LARGE: "raise download.max_gb or download.max_hours if you want it",
    FailureKind.UNSUPPORTED: "update yt-dlp, or fetch it by hand and add the file to the list",
    FailureKind.DISK_FULL: "make room, then go on",
}


def as_item_error(error: Exception, url: str, folder: Path | None = None) -> ItemError:
    """Return the `ItemError` for an error of yt-dlp about `url`.

    Raises:
        DiskFaultError: a file cannot be read or written; `folder` is named if the system names no file.
    """
    causes = list(_causes(error))
    disk_error = _disk_error(causes)
    if disk_error is not None:
        path = disk_error.filename or folder or without_secrets(url)
        raise DiskFaultError(str(path), disk_error.strerror or str(disk_error)) from error
    message = _COLOUR.sub("", str(error)[:_READ_CHARACTERS]).strip()
    message = _TAIL.sub("", _PREFIX.sub("", message)).rstrip(" .")[:_LONGEST_MESSAGE]
    kind = _kind(causes, _URL.sub("", message))
    return item_error(kind, url, message, _retry_after_s(causes))


def item_error(
    kind: FailureKind, url: str, message: str, retry_after_s: float | None = None
) -> ItemError:
    """Return an error about `url` with the tool's message, without passwords, and what to do next."""
    text = without_secrets(f"{url}: {message}; {_ADVICE[kind]}")
    printable = "".join(c if c.isprintable() else " " for c in text)
    return ItemError(kind, " ".join(printable.split()), retry_after_s)


def is_rate_limit(error: ItemError) -> bool:
    """Return whether the server wants later or fewer requests, whatever they are for."""
    if error.retry_after_s is not None and error.kind in TRANSIENT:
        return True
    return error.kind in (FailureKind.RATE_LIMITED, FailureKind.BLOCKED)


def without_secrets(text: str) -> str:
    """Return `text` without the passwords and tokens in its URLs."""
    return _ADDRESS.sub(_open_address, text)


def _open_address(match: re.Match[str]) -> str:
    """Return an address, from its slashes on, without password, and of its query what names a video."""
    address = match[0].rstrip(_END_OF_SENTENCE)
    ending = match[0][len(address) :]
    cut = re.search(r"[?#]", address)
    if cut is None:
        return _without_password(address) + ending
    # The rest is often a key or a signature; only what names a video or a list may be shown.
    parts = _PARTS.split(address[cut.end() :])
    names = [shown[0] for part in parts if (shown := _SHOWN.match(part))]
    query = "?" + "&".join(names) if names else ""
    return _without_password(address[: cut.start()]) + query + ending


def _without_password(address: str) -> str:
    """Remove name and password before each host; a password may hold slashes."""
    parts = address.split("//")
    for number, part in enumerate(parts[1:], start=1):
        authority = part.partition("/")[0]
        if "@" in authority:
            parts[number] = part[authority.rindex("@") + 1 :]
        elif _PASSWORD.match(part):
            rest = "//".join(parts[number:])
            parts[number:] = [rest[rest.rfind("@") + 1 :]]
            break
    return "//".join(parts)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all its causes, which yt-dlp partly stores in attributes of its own."""
    visited: list[BaseException] = []
    queue: list[object] = [error]
    while queue:
        cause = queue.pop(0)
        if not isinstance(cause, BaseException) or any(cause is other for other in visited):
            continue
        visited.append(cause)
        yield cause
        exc_info = getattr(cause, "exc_info", None) or (None, None)
        queue += [exc_info[1], getattr(cause, "cause", None), cause.__cause__, cause.__context__]


def _disk_error(causes: list[BaseException]) -> OSError | None:
    """Return the cause that is a file error. Network errors have other types, or come in one of yt-dlp's."""
    from yt_dlp.networking.exceptions import RequestError

    is_request = any(isinstance(cause, RequestError) for cause in causes)
    codes = _NO_MORE_FILES if is_request else _SYSTEM_ERRORS
    return next(
        (
            cause
            for cause in causes
            if isinstance(cause, OSError) and type(cause) in _OF_FILES and cause.errno in codes
        ),
        None,
    )


def _kind(causes: list[BaseException], wording: str) -> FailureKind:
    from yt_dlp.networking.exceptions import HTTPError, TransportError

    for cause in causes:
        kind = _by_type(cause)
        if kind:
            return kind
    if _REFUSES_US.search(wording):
        return FailureKind.BLOCKED
    # While it downloads, yt-dlp gives the status in words alone.
    statuses = [cause.status for cause in causes if isinstance(cause, HTTPError)]
    statuses += map(int, _STATUS.findall(wording))
    if statuses:
        if 300 <= statuses[0] < 400:
            return FailureKind.REDIRECT_LOOP
        other = FailureKind.SERVER_ERROR if statuses[0] >= 500 else FailureKind.UNSUPPORTED
        return _BY_STATUS.get(statuses[0], other)
    if any(isinstance(cause, TransportError | ConnectionError) for cause in causes):
        return FailureKind.TIMEOUT if _TIMED_OUT.search(wording) else FailureKind.NETWORK
    for pattern, kind in _BY_WORDING:
        if pattern.search(wording):
            return kind
    return FailureKind.UNSUPPORTED


def _by_type(cause: BaseException) -> FailureKind | None:
    from yt_dlp.networking.exceptions import IncompleteRead
    from yt_dlp.utils import ContentTooShortError, GeoRestrictedError, UnsupportedError

    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return FailureKind.DISK_FULL
    if isinstance(cause, GeoRestrictedError):
        return FailureKind.GEO_BLOCKED
    if isinstance(cause, ContentTooShortError | IncompleteRead):
        return FailureKind.TRUNCATED
    if isinstance(cause, UnsupportedError):
        return FailureKind.UNSUPPORTED
    return None


def _retry_after_s(causes: list[BaseException]) -> float | None:
    """Return the seconds of the Retry-After header, which is a number or a date (RFC 9110)."""
    from yt_dlp.networking.exceptions import HTTPError

    for cause in causes:
        if isinstance(cause, HTTPError):
            value = cause.response.headers.get("Retry-After", "").strip()
            wait_s = float(value) if value.isdecimal() else _until(value)
            if wait_s is not None:
                return min(wait_s, _LONGEST_WAIT_S)
    return None


def _until(date: str) -> float | None:
    """Return the seconds from now to an HTTP date, in any of its three formats."""
    try:
        until = parsedate_to_datetime(date)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (until - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None
