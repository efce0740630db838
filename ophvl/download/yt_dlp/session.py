"""A yt-dlp session with pauses. In: its options. Out: a `YoutubeDL` whose errors are `ItemError`s.

By itself yt-dlp retries a failing server at once, four times within 30 ms, and ignores how long the server
told it to wait. Here it pauses before each retry, and makes none if the server is rate limiting us.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from yt_dlp import YoutubeDL
from yt_dlp.networking import Request, Response
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import YoutubeDLError

from ophvl.download.yt_dlp.errors import as_item_error, is_rate_limit
from ophvl.download.yt_dlp.page_limits import bounded, within
from ophvl.errors import ItemError

_RETRIED = ("http", "fragment", "extractor")
_LONGEST_PAUSE_S = 30.0


class Session(YoutubeDL):  # type: ignore[misc]  # yt-dlp has no types.
    """A `YoutubeDL` that pauses `pause_s` before the first retry, twice as long before each further one.

    A page may take `slow_s`.
    """

    def __init__(self, options: Mapping[str, object], *, pause_s: float, slow_s: float) -> None:
        self._first_pause_s = pause_s
        self._slow_s = slow_s
        self._last_error: HTTPError | None = None
        """The error of the last request, if it failed."""
        pauses = dict.fromkeys(_RETRIED, self._pause_s)
        super().__init__({**options, "retry_sleep_functions": pauses})

    def urlopen(self, req: Request | str) -> Response:
        """Send a request; the response is limited in size and time."""
        self._last_error = None
        send = super().urlopen
        url = req if isinstance(req, str) else req.url
        try:
            return bounded(within(self._slow_s, url, lambda: send(req)), self._slow_s)
        except HTTPError as err:
            self._last_error = err
            raise

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
