"""Pages, bounded. In: an answer to yt-dlp. Out: the same, given up where it is too large or too slow."""

from __future__ import annotations

import time
from typing import Any

from ophvl.download.yt_dlp.errors import item_error
from schemas.vocab import FailureKind

_PAGE_BYTES = 16 * 2**20
"""More than any page has that leads to a video; searching more takes yt-dlp minutes."""

_BLOCK_BYTES = 2**14


def bounded(response: Any, limit_s: float) -> Any:
    """Bound what is read of an answer in one go: pages and lists. Videos yt-dlp reads by the block."""
    read = response.read

    def read_bounded(amount: int | None = None) -> bytes:
        if amount is not None:
            return bytes(read(amount))
        content, began = bytearray(), time.monotonic()
        while block := read(_BLOCK_BYTES):
            content += block
            if len(content) > _PAGE_BYTES:
                said = f"a page of more than {_PAGE_BYTES >> 20} MB is not searched for a video"
                raise item_error(FailureKind.UNSUPPORTED, response.url, said)
            if time.monotonic() - began > limit_s:
                said = f"a page did not end in {limit_s:.0f} s"
                raise item_error(FailureKind.TIMEOUT, response.url, said)
        return bytes(content)

    response.read = read_bounded
    return response
