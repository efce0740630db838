"""Wordings that sites and yt-dlp use, each with its kind."""

from __future__ import annotations

import errno

import pytest
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError

from ophvl.backends.yt_dlp_errors import as_item_error
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


def test_the_plea_for_a_bug_report_is_left_out() -> None:
    error = DownloadError(f"ERROR: {ExtractorError('Unable to extract title')}")
    assert str(as_item_error(error, URL)) == (
        f"{URL}: Unable to extract title; "
        "update yt-dlp, or fetch it by hand and add the file to the list"
    )
