"""Wordings that sites and yt-dlp use, each with its kind."""

from __future__ import annotations

import errno
import io
import os
import pickle
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError

from ophvl.download.yt_dlp.errors import as_item_error, without_secrets
from ophvl.errors import DiskFaultError
from schemas.vocab import FailureKind

URL = "https://example.org/watch?v=private"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Private video. Sign in if you've been granted access to this video", FailureKind.PRIVATE),
        ("Join this channel to get access to members-only content", FailureKind.PRIVATE),
        ("This video is only available for registered users. Use --cookies", FailureKind.PRIVATE),
        ("Video unavailable. This video is private", FailureKind.PRIVATE),
        ("Sign in to confirm your age. This video may be inappropriate", FailureKind.AGE_GATED),
        ("Sign in to confirm you're not a bot. Use --cookies", FailureKind.BLOCKED),
        ("HTTP Error 403: Forbidden caused by Cloudflare anti-bot challenge", FailureKind.BLOCKED),
        ("HTTP Error 403: Access Denied", FailureKind.FORBIDDEN),
        ("Your IP address is blocked from accessing this post", FailureKind.BLOCKED),
        (
            "Video unavailable. This content isn't available, try again later",
            FailureKind.RATE_LIMITED,
        ),
        ("The uploader has not made this video available in your country", FailureKind.GEO_BLOCKED),
        ("Video unavailable. This video has been removed by the uploader", FailureKind.NOT_FOUND),
        ("This account has been terminated", FailureKind.NOT_FOUND),
        ("Requested format is not available. Use --list-formats", FailureKind.UNSUPPORTED),
        ("This video is DRM protected", FailureKind.UNSUPPORTED),
        ("The read operation timed out", FailureKind.TIMEOUT),
        ("Did not get any data blocks", FailureKind.TRUNCATED),
        ("[download] Got error: 9 bytes read, 5 more expected. Giving up", FailureKind.TRUNCATED),
        ("[download] Got error: HTTP Error 403: Forbidden. Giving up", FailureKind.FORBIDDEN),
        ("[download] Got error: [Errno 104] Connection reset by peer", FailureKind.NETWORK),
        (f"cannot read {URL}", FailureKind.UNSUPPORTED),
        ("cannot read HTTPS://example.org/watch?v=private", FailureKind.UNSUPPORTED),
        ("This video is only available when logged-in", FailureKind.PRIVATE),
        ("This video requires payment to watch", FailureKind.PRIVATE),
        ("Fresh cookies (not necessarily logged in) are needed", FailureKind.UNSUPPORTED),
        ("Unable to download JSON: HTTP Error 412: Precondition Failed", FailureKind.RATE_LIMITED),
        ("Request is blocked by server (401), please wait", FailureKind.RATE_LIMITED),
        ("You have been banned", FailureKind.BLOCKED),
        ("Your account has been suspended", FailureKind.BLOCKED),
        ("Verify you are human", FailureKind.BLOCKED),
        ("HTTP Error 403: Just a moment", FailureKind.BLOCKED),
        ("This video is geoblocked", FailureKind.GEO_BLOCKED),
        ("This video is not available from your location", FailureKind.GEO_BLOCKED),
        ("The uploader's account has been suspended", FailureKind.NOT_FOUND),
        ("We're processing this video. Check back later", FailureKind.SERVER_ERROR),
        ("Temporarily unavailable", FailureKind.SERVER_ERROR),
        ("The server is temporarily unavailable", FailureKind.SERVER_ERROR),
        ("Down for maintenance", FailureKind.SERVER_ERROR),
        ("The following content is not available on this app", FailureKind.NOT_FOUND),
        ("Premieres in 3 hours", FailureKind.LIVE),
    ],
)
def test_wording_decides_where_nothing_else_does(message: str, kind: FailureKind) -> None:
    error = as_item_error(DownloadError(f"\x1b[0;31mERROR:\x1b[0m [youtube] abc: {message}"), URL)
    assert error.kind is kind
    assert str(error).startswith(f"{URL}: {message}; ")


def test_the_cause_goes_before_the_wording() -> None:
    cause = GeoRestrictedError("sign in")
    error = DownloadError("ERROR: sign in", (type(cause), cause, None))
    assert as_item_error(error, URL).kind is FailureKind.GEO_BLOCKED
    full = OSError(errno.ENOSPC, "No space left on device")
    error = DownloadError("ERROR: unable to write", (OSError, full, None))
    assert as_item_error(error, URL).kind is FailureKind.DISK_FULL


@pytest.mark.parametrize(
    "number", [errno.EIO, errno.EACCES, errno.EROFS, errno.ESTALE, errno.EMFILE]
)
def test_a_disk_that_cannot_be_written_is_no_fault_of_the_item(number: int, tmp_path: Path) -> None:
    part = tmp_path / "v.mp4.part"
    for path, named in ((str(part), part), (None, tmp_path)):
        cause = OSError(number, os.strerror(number), path)
        error = DownloadError(f"ERROR: unable to write data: {cause}", (OSError, cause, None))
        with pytest.raises(DiskFaultError) as caught:
            as_item_error(error, URL, tmp_path)
        assert str(caught.value).startswith(f"{named}: {os.strerror(number)}. The run stopped; ")
        assert str(caught.value).endswith("run the same command again")
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    "cause",
    [
        TransportError(cause=OSError(errno.EACCES, "Permission denied")),
        ssl.SSLError(errno.EIO, "EOF occurred in violation of protocol"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        FileNotFoundError(errno.ENOENT, "No such file"),
    ],
)
def test_what_the_network_or_one_file_does_stops_no_run(cause: Exception) -> None:
    error = DownloadError("ERROR: no", (type(cause), cause, None))
    assert as_item_error(error, URL).kind in (FailureKind.NETWORK, FailureKind.UNSUPPORTED)


def test_the_plea_for_a_bug_report_is_left_out() -> None:
    error = DownloadError(f"ERROR: {ExtractorError('Unable to extract title')}")
    assert str(as_item_error(error, URL)) == (
        f"{URL}: Unable to extract title; "
        "update yt-dlp, or fetch it by hand and add the file to the list"
    )


def test_nothing_of_a_message_steers_a_terminal_or_fills_it() -> None:
    said = f"\x1b[0;31mbad\x1b[0m \x1b]0;title\x07 line\nline\x00 {'x' * 10_000}"
    error = as_item_error(DownloadError(said), URL)
    assert error.message.isprintable()
    assert len(error.message) < 800
    assert "bad ]0;title line line" in error.message


@pytest.mark.parametrize(
    "login", ["user:secret@", "user:se:cr@et@", "secret@", "user:%73ecret@", ":secret@"]
)
def test_passwords_are_not_told(login: str) -> None:
    address = f"https://{login}example.org/v.mp4"
    error = as_item_error(DownloadError(f"cannot get {address}: no"), address)
    assert error.message.startswith(
        "https://example.org/v.mp4: cannot get https://example.org/v.mp4"
    )
    kept = as_item_error(DownloadError("no"), "https://example.org?mail=a@b.org")
    assert kept.message.startswith("https://example.org: no")
    watch = "https://example.org/watch?v=ab&list=PL1&sig=SECRET"
    told = as_item_error(DownloadError(f"no (see {watch}), or {watch}."), watch).message
    assert "SECRET" not in told
    assert told.count("https://example.org/watch?v=ab&list=PL1") == 3
    assert "(see https://example.org/watch?v=ab&list=PL1), or https" in told


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("HTTPS://example.org/v.mp4?sig=SECRET", "HTTPS://example.org/v.mp4"),
        ("https://example.org/v.mp4#access_token=SECRET", "https://example.org/v.mp4"),
        ("https://example.org/x?v=ab#token=SECRET", "https://example.org/x?v=ab"),
        ("//example.org/y?sig=SECRET", "//example.org/y"),
        ("https://example.org/x?list=a;tok=SECRET", "https://example.org/x?list=a"),
        ("https://example.org/x?v=a?tok=SECRET", "https://example.org/x?v=a"),
        ("https://user:pa/SECRET@example.org/x", "https://example.org/x"),
        ("//user:SECRET@example.org/x", "//example.org/x"),
        ("https://example.org/@user/x", "https://example.org/@user/x"),
        ("https://example.org:8080/@user/x", "https://example.org:8080/@user/x"),
        ("http://[::1]:8080/@user", "http://[::1]:8080/@user"),
    ],
)
def test_of_an_address_only_what_names_the_video_is_told(address: str, told: str) -> None:
    assert without_secrets(address) == told
    error = as_item_error(DownloadError(f"redirect to '{address}' (retry)"), address)
    assert error.message.startswith(f"{told}: redirect to '{told}' (retry); ")


def _wait(value: str) -> float | None:
    response = Response(io.BytesIO(), URL, {"Retry-After": value}, status=429)
    cause = HTTPError(response)
    error = as_item_error(DownloadError("ERROR: no", (HTTPError, cause, None)), URL)
    assert error.kind is FailureKind.RATE_LIMITED
    return error.retry_after_s


def test_a_time_to_wait_until_is_read_in_each_of_its_forms() -> None:
    until = datetime.now(UTC) + timedelta(seconds=100)
    forms = [
        format_datetime(until, usegmt=True),
        until.strftime("%A, %d-%b-%y %H:%M:%S GMT"),
        until.strftime("%a %b %d %H:%M:%S %Y"),
        format_datetime(until.astimezone()),
    ]
    for form in forms:
        assert _wait(form) == pytest.approx(100.0, abs=5.0), form
    assert _wait("Mon, 01 Jan 2024 00:00:00 GMT") == 0.0
    assert _wait("120") == 120.0


@pytest.mark.parametrize("value", ["soon", "-1", "1.5e9", "", "Mon, 99 Foo 2024", "\u00b2"])
def test_a_time_to_wait_that_is_none_is_none(value: str) -> None:
    assert _wait(value) is None


@pytest.mark.parametrize("value", ["9" * 400, "99999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_host_shuts_itself_out_for_ever(value: str) -> None:
    assert _wait(value) == 7 * 86_400
