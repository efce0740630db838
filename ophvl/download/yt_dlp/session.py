"""A session of yt-dlp that keeps the pace. In: its options. Out: a `YoutubeDL` whose errors are `ItemError`s.

By itself yt-dlp asks a server that fails again at once, four times within 30 ms, and forgets how long it was
asked to wait. Here it pauses before each further try, and makes none where the server says to ask later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from yt_dlp import YoutubeDL
from yt_dlp.networking import Request, Response
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import YoutubeDLError

from ophvl.download.yt_dlp.errors import as_item_error, says_later
from ophvl.download.yt_dlp.page_limits import bounded
from ophvl.errors import ItemError

_RETRIED = ("http", "fragment", "extractor")
_LONGEST_PAUSE_S = 30.0


class Session(YoutubeDL):  # type: ignore[misc]  # yt-dlp has no types.
    """Pauses `pause_s` before a second try, twice as long before each further one.

    A page may take `slow_s`.
    """

    def __init__(self, options: Mapping[str, object], *, pause_s: float, slow_s: float) -> None:
        self._first_pause_s = pause_s
        self._slow_s = slow_s
        self._refusal: HTTPError | None = None
        """The last answer, where it was an error."""
        pauses = dict.fromkeys(_RETRIED, self._pause_s)
        super().__init__({**options, "retry_sleep_functions": pauses})

    def urlopen(self, req: Request | str) -> Response:
        self._refusal = None
        try:
            return bounded(super().urlopen(req), self._slow_s)
        except HTTPError as err:
            self._refusal = err
            raise

    @contextmanager
    def telling(self, url: str, folder: Path | None = None) -> Iterator[None]:
        """Errors within become `ItemError`s that name `url`, with the wait that the server asked for.

        Files are written to `folder`.

        Once yt-dlp gives up, it tells the status in words alone: the rest is in the last answer.
        """
        try:
            yield
        except (YoutubeDLError, OSError) as err:
            fault = as_item_error(err, url, folder)
            last = as_item_error(self._refusal, url) if self._refusal else fault
            wait_s = last.retry_after_s if last.kind is fault.kind else fault.retry_after_s
            raise ItemError(fault.kind, fault.message, wait_s) from err

    def _pause_s(self, n: int) -> float:
        """Seconds before the next try, after `n` further ones.

        Raises:
            HTTPError: there is to be none, as the server says to ask later.
        """
        if self._refusal and says_later(as_item_error(self._refusal, "")):
            raise self._refusal
        return min(self._first_pause_s * 2.0**n, _LONGEST_PAUSE_S)
