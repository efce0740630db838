"""Limits for web pages. In: a response for yt-dlp. Out: the same; it fails if too large or too slow."""

from __future__ import annotations

import time
from typing import Any

from ophvl.download.yt_dlp.errors import item_error
from schemas.vocab import FailureKind

_PAGE_BYTES = 16 * 2**20
"""More than any page of a video has; searching a larger one takes yt-dlp minutes."""

_BLOCK_BYTES = 2**14


def bounded(response: Any, limit_s: float) -> Any:
    """Limit what is read of a response at once (pages and lists); yt-dlp reads videos in blocks."""
    read = response.read

    def read_bounded(amount: int | None = None) -> bytes:
        if amount is not None:
            return bytes(read(amount))
        content, began = bytearray(), time.monotonic()
        while block := read(_BLOCK_BYTES):
            content += block
            if len(content) > _PAGE_BYTES:
                reason = f"a page of more than {_PAGE_BYTES >> 20} MB is not searched for a video"
                raise item_error(FailureKind.UNSUPPORTED, response.url, reason)
            if time.monotonic() - began > limit_s:
                reason = f"a page did not end in {limit_s:.0f} s"
                raise item_error(FailureKind.TIMEOUT, response.url, reason)
        return bytes(content)

    response.read = read_bounded
    return response
