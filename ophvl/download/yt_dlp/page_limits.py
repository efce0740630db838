"""Limits in size and time. In: a response for yt-dlp. Out: the same; it fails if too large or too slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ophvl import deadline
from ophvl.download.yt_dlp.errors import item_error
from schemas.vocab import FailureKind

_PAGE_BYTES = 16 * 2**20
"""More than any page of a video has; searching a larger one takes yt-dlp minutes."""

_BLOCK_BYTES = 2**14

Value = TypeVar("Value")


def within(limit_s: float, url: str, call: Callable[[], Value]) -> Value:
    """Return what a request to `url` returns, if it does so in time (`ophvl.deadline`).

    Raises:
        ItemError: TIMEOUT.
    """
    try:
        return deadline.within(limit_s, call)
    except deadline.DeadlineError as err:
        reason = f"an answer did not end in {limit_s:g} s"
        raise item_error(FailureKind.TIMEOUT, url, reason) from err


def bounded(response: Any, limit_s: float) -> Any:
    """Limit what is read of a response at once: a whole page, or a block of a video."""
    read = response.read

    def read_page() -> bytes:
        content = bytearray()
        while block := read(_BLOCK_BYTES):
            content += block
            if len(content) > _PAGE_BYTES:
                reason = f"a page of more than {_PAGE_BYTES >> 20} MB is not searched for a video"
                raise item_error(FailureKind.UNSUPPORTED, response.url, reason)
        return bytes(content)

    def read_bounded(amount: int | None = None) -> bytes:
        if amount is None:
            return within(limit_s, response.url, read_page)
        # Twice as long: a slow transfer is noticed between blocks, by its rate.
        return within(2 * limit_s, response.url, lambda: bytes(read(amount)))

    response.read = read_bounded
    return response
