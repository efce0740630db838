"""Limits in size and time. In: a response for yt-dlp. Out: the same; it fails if too large or too slow."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ophvl.download.yt_dlp.errors import item_error
from schemas.vocab import FailureKind

_PAGE_BYTES = 16 * 2**20
"""More than any page of a video has; searching a larger one takes yt-dlp minutes."""

_BLOCK_BYTES = 2**14

Value = TypeVar("Value")


def within(limit_s: float, url: str, call: Callable[[], Value]) -> Value:
    """Return what `call` returns, if it does so in time.

    The timeout of a socket holds for each byte, so that a server that sends one now and then is never too
    slow for it. A call that takes too long is left behind in a thread that does not keep the process alive.

    Raises:
        ItemError: TIMEOUT.
    """
    results: list[Value] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as err:  # noqa: BLE001  (it belongs to the caller, whatever it is)
            errors.append(err)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    if errors:
        raise errors[0]
    if not results:
        raise item_error(FailureKind.TIMEOUT, url, f"an answer did not end in {limit_s:g} s")
    return results[0]


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
