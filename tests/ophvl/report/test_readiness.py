"""What a rebuild would lack, told before its first stage."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.errors import UsageError
from ophvl.report.readiness import require_pictures, require_videos
from pipelines.registry import load_stages
from pipelines.stages.frames import FramesConfig
from schemas.vocab import FailureKind
from tests.factories import ROWS, table, video_id

BUILD = ("title", "pair", "frames")


def commit(store: Store, stage: str, unit: str, outcome: EntryOutcome, **tables: pa.Table) -> None:
    kind = FailureKind.NOT_FOUND if outcome is EntryOutcome.FAILED else None
    at = "2026-01-01T00:00:00+00:00"
    entry = Entry(stage=stage, unit=unit, fingerprint="f", outcome=outcome, at=at, kind=kind)
    store.commit(entry, tables)


def test_pictures_are_needed_of_videos_that_pairs_may_be_made_of(store: Store) -> None:
    require_pictures(store, BUILD, FramesConfig())
    for n in (1, 2):
        rows = table("kept", ROWS["kept"](n, form="audio"))
        commit(store, "keep", video_id(n), EntryOutcome.EMITTED, kept=rows)
    require_pictures(store, BUILD, FramesConfig())  # They were decoded before.
    finer = FramesConfig(quality=99)
    with pytest.raises(UsageError, match=r"of 2 of 3 video\(s\) only the sound .* youtube_00001"):
        require_pictures(store, BUILD, finer)
    require_pictures(store, BUILD, finer, only=(video_id(3),))
    (store.root / "block.txt").write_text(video_id(1))
    with pytest.raises(UsageError, match=r"of 1 of 3 .* youtube_00002"):
        require_pictures(store, BUILD, finer)
    commit(store, "title", video_id(2), EntryOutcome.DROPPED)
    require_pictures(store, BUILD, finer)


def test_lines_without_videos_are_counted_by_kind(tmp_path: Path, store: Store) -> None:
    require_videos(store)
    failed = Store(tmp_path / "failed", load_stages())
    for n in (1, 2):
        row = ROWS["sources"](n, outcome="failed")
        unit = f"line_{n:016x}"
        commit(failed, "discover", unit, EntryOutcome.FAILED, sources=table("sources", row))
    with pytest.raises(UsageError, match=r"none of the 2 .* \(not_found 2\).*retry --kind"):
        require_videos(failed)
