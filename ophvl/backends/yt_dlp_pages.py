"""Pages, bounded. In: a yt-dlp session. Out: the same, that gives up a page too large or too slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ophvl.backends.yt_dlp_errors import item_error
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    from yt_dlp import YoutubeDL

_PAGE_BYTES = 16 * 2**20
"""More than any page has that leads to a video; searching more takes yt-dlp minutes."""

_BLOCK_BYTES = 2**14


def bound_pages(session: YoutubeDL, url: str, limit_s: float) -> None:
    """Bound all that yt-dlp reads in one go: pages and lists. Videos it reads by the block."""
    ask = session.urlopen

    def bounded(request: Any) -> Any:
        response = ask(request)
        response.read = _bounded(response.read, url, limit_s)
        return response

    session.urlopen = bounded


def _bounded(
    read: Callable[[int], bytes], url: str, limit_s: float
) -> Callable[[int | None], bytes]:
    def read_bounded(amount: int | None = None) -> bytes:
        if amount is not None:
            return read(amount)
        content, began = bytearray(), time.monotonic()
        while block := read(_BLOCK_BYTES):
            content += block
            if len(content) > _PAGE_BYTES:
                said = f"a page of more than {_PAGE_BYTES >> 20} MB is not searched for a video"
                raise item_error(FailureKind.UNSUPPORTED, url, said)
            if time.monotonic() - began > limit_s:
                said = f"a page did not end in {limit_s:.0f} s"
                raise item_error(FailureKind.TIMEOUT, url, said)
        return bytes(content)

    return read_bounded
