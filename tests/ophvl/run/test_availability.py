"""Which videos are checked, and what a check records."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.errors import HostClosedError, ItemError
from ophvl.ports import Downloader, VideoMetadata
from ophvl.run.availability import latest, refresh
from pipelines.registry import load_stages
from schemas.vocab import FailureKind
from tests.factories import table, video_id, video_row


class Host:
    """Lists videos, or fails as `errors` says, and records the requests."""

    def __init__(self) -> None:
        self.errors: dict[str, Exception] = {}
        self.requests: list[str] = []

    def expand(self, url: str) -> list[VideoMetadata]:
        self.requests.append(url)
        if url in self.errors:
            raise self.errors[url]
        video = VideoMetadata(
            url=url, webpage_url=url, extractor="x", site_id="", title="", licence="CC"
        )
        return [video]


URLS = [f"https://example.org/{n}" for n in (1, 2, 3)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three videos with a URL and one file."""
    store = Store(tmp_path, load_stages())
    entry = Entry(
        stage="discover", unit="u", fingerprint="f", outcome=EntryOutcome.EMITTED, at="now"
    )
    videos = [*(video_row(n) for n in (1, 2, 3)), video_row(4, location="/videos/4.mp4")]
    store.commit(entry, {"videos": table("videos", *videos)})
    return store


def check(store: Store, host: Host, **age: float) -> tuple[dict[str, int], int]:
    host.requests.clear()
    counts, deferred = refresh(store, cast(Downloader, host), older_than=timedelta(**age))
    return dict(counts), len(deferred)


def test_only_urls_whose_last_check_is_old_are_requested(store: Store) -> None:
    host = Host()
    assert check(store, host, days=1) == ({"available": 3}, 0)
    assert host.requests == URLS
    assert check(store, host, days=1) == ({}, 0)
    assert check(store, host, days=0)[0] == {"available": 3}
    assert {row.licence for row in latest(store).values()} == {"CC"}


def test_an_inconclusive_check_is_no_check(store: Store) -> None:
    host = Host()
    closed = HostClosedError("example.org", 4e9, FailureKind.BLOCKED, "closed")
    host.errors = {
        URLS[0]: ItemError(FailureKind.NOT_FOUND, "gone"),
        URLS[1]: ItemError(FailureKind.NETWORK, "no network"),
        URLS[2]: closed,
    }
    assert check(store, host, days=1) == ({"not_found": 1, "network": 1}, 1)
    assert {row.video_id: row.state for row in latest(store).values()} == {video_id(1): "not_found"}
    host.errors = {}
    assert check(store, host, days=1) == ({"available": 2}, 0)
    assert host.requests == URLS[1:]
