"""A yt-dlp session with pauses. In: its options. Out: a `YoutubeDL` whose errors are `ItemError`s.

By itself yt-dlp retries a failing server at once, four times within 30 ms, and ignores how long the server
told it to wait. Here it pauses before each retry, and makes none if the server is rate limiting us.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from yt_dlp import YoutubeDL
from yt_dlp.networking import Request, Response
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import YoutubeDLError

from ophvl.download.yt_dlp.errors import as_item_error, is_rate_limit, item_error
from ophvl.download.yt_dlp.page_limits import bounded, within
from ophvl.errors import ItemError
from schemas.vocab import FailureKind

_RETRIED = ("http", "fragment", "extractor")
_LONGEST_PAUSE_S = 30.0


class Session(YoutubeDL):  # type: ignore[misc]  # yt-dlp has no types.
    """A `YoutubeDL` that pauses `pause_s` before the first retry, twice as long before each further one.

    A page may take `slow_s`.
    """

    def __init__(self, options: Mapping[str, object], *, pause_s: float, slow_s: float) -> None:
        self._first_pause_s = pause_s
        self._slow_s = slow_s
        self._pages_left: int | None = None
        """How many more requests are allowed; None for any number."""
        self._waited_s, self._total_s = 0.0, math.inf
        """How long requests took, and may take."""
        self._last_error: HTTPError | None = None
        """The error of the last request, if it failed."""
        pauses = dict.fromkeys(_RETRIED, self._pause_s)
        super().__init__({**options, "retry_sleep_functions": pauses})

    def urlopen(self, req: Request | str) -> Response:
        """Send a request; the response is limited in size and time."""
        self._last_error = None
        send = super().urlopen
        url = req if isinstance(req, str) else req.url
        self._refuse_endless(url)
        started = time.monotonic()
        try:
            response = bounded(within(self._slow_s, url, lambda: send(req)), self._slow_s)
        except HTTPError as err:
            self._last_error = err
            raise
        finally:
            self._waited_s += time.monotonic() - started
        response.read = self._timed(response.read)
        return response

    def _timed(self, read: Callable[..., bytes]) -> Callable[..., bytes]:
        """Return `read`, whose time counts as that of the request."""

        def timed(amount: int | None = None) -> bytes:
            started = time.monotonic()
            try:
                return read(amount)
            finally:
                self._waited_s += time.monotonic() - started

        return timed

    @contextmanager
    def pages_limited(self, count: int, total_s: float) -> Iterator[None]:
        """Refuse more than `count` requests within, or any once those so far took `total_s` in total."""
        self._pages_left, self._waited_s, self._total_s = count, 0.0, total_s
        try:
            yield
        finally:
            self._pages_left, self._total_s = None, math.inf

    def _refuse_endless(self, url: str) -> None:
        """Refuse a page that always names a next one.

        Raises:
            ItemError: UNSUPPORTED, as it would be as long the next time.
        """
        if self._waited_s > self._total_s:
            reason = f"the pages behind it took more than {self._total_s:g} s, without an end"
            raise item_error(FailureKind.UNSUPPORTED, url, reason)
        if self._pages_left is None:
            return
        self._pages_left -= 1
        if self._pages_left < 0:
            reason = "there are ever more pages behind it, without an end"
            raise item_error(FailureKind.UNSUPPORTED, url, reason)

    @contextmanager
    def item_errors(self, url: str, folder: Path | None = None) -> Iterator[None]:
        """Turn errors within into `ItemError`s about `url`, with the wait that the server asked for.

        Once yt-dlp gives up, its error holds the status as text alone; the wait is in the last response.
        `folder` is where files are written.
        """
        try:
            yield
        except (YoutubeDLError, OSError) as err:
            error = as_item_error(err, url, folder)
            last = as_item_error(self._last_error, url) if self._last_error else error
            wait_s = last.retry_after_s if last.kind is error.kind else error.retry_after_s
            raise ItemError(error.kind, error.message, wait_s) from err

    def _pause_s(self, n: int) -> float:
        """Return the seconds before the next retry, after `n` earlier ones.

        Raises:
            HTTPError: the server is rate limiting us, so there is no retry.
        """
        if self._last_error and is_rate_limit(as_item_error(self._last_error, "")):
            raise self._last_error
        return min(self._first_pause_s * 2.0**n, _LONGEST_PAUSE_S)
