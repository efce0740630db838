"""A downloader that keeps the pace of each host, and stops asking one that refuses us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ophvl.backends.pacer import Pacer, host_of
from ophvl.errors import ItemError
from ophvl.ports import Downloader, Fetched, Found
from schemas.vocab import FailureKind

Answer = TypeVar("Answer")

_REFUSALS = frozenset({FailureKind.RATE_LIMITED, FailureKind.BLOCKED, FailureKind.FORBIDDEN})


@dataclass(frozen=True, kw_only=True)
class PacedDownloader:
    """Another downloader (`ophvl.ports.Downloader`), asked at the pace that each host bears."""

    inner: Downloader
    pacer: Pacer

    @property
    def revision(self) -> str:
        return self.inner.revision

    def expand(self, url: str) -> list[Found]:
        """The videos that a URL leads to.

        Raises:
            ItemError: as the other downloader.
            HostClosedError: the host wants no requests for now; it was not asked.
        """
        return self._ask(url, lambda: self.inner.expand(url))

    def fetch(self, url: str, directory: Path, video_id: str) -> Fetched:
        """Fetch one video; raises as `expand`."""
        fetched = self._ask(url, lambda: self.inner.fetch(url, directory, video_id))
        if fetched.refusal is not None:
            self.pacer.refused(host_of(url), fetched.refusal)
        return fetched

    def _ask(self, url: str, ask: Callable[[], Answer]) -> Answer:
        host = host_of(url)
        self.pacer.wait(host)
        try:
            answer = ask()
        except ItemError as err:
            if err.kind in _REFUSALS or err.retry_after_s is not None:
                self.pacer.refused(host, err)
            raise
        self.pacer.accepted(host)
        return answer
