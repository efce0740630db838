"""A video is blocked by its list row, its page, or what is recorded of its identity."""

from __future__ import annotations

from pathlib import Path

import pytest

from ophvl.dataset.blocked import blocked_videos
from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.sources.blocklists import BlockLists
from pipelines.registry import load_stages
from tests.factories import identity_row, publication_row, table, video_id, video_row


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two videos: one names the blocked channel in `publications` alone, the other in `identities`."""
    store = Store(tmp_path, load_stages())
    videos = [video_row(n, channel_id="UC1", channel=None, channel_handle=None) for n in (1, 2)]
    page = publication_row(1, channel_id="UCpage")
    identity = identity_row(2, channels=["UCold"])
    rows = {"videos": videos, "publications": [page], "identities": [identity]}
    for name, of_table in rows.items():
        writer = next(spec for spec in store.stages.values() if name in spec.writes)
        for row in of_table:
            entry = Entry(
                stage=writer.name,
                unit=row.video_id,
                fingerprint="f",
                outcome=EntryOutcome.EMITTED,
                at="now",
            )
            store.commit(entry, {name: table(name, row)})
    return store


@pytest.mark.parametrize(
    ("channel", "blocked"),
    [("UC1", [1, 2]), ("UCpage", [1]), ("UCold", [2]), ("UCnobody", [])],
)
def test_a_channel_blocks_the_videos_that_any_record_gives_it(
    store: Store, channel: str, blocked: list[int]
) -> None:
    (store.root / "block.txt").write_text(f"channel:{channel}\n")
    assert blocked_videos(store, BlockLists(store.root)) == {video_id(n) for n in blocked}
    limited = blocked_videos(store, BlockLists(store.root), [video_id(1)])
    assert limited == {video_id(n) for n in blocked if n == 1}
