"""Failures and pace in words."""

from __future__ import annotations

from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.report.pace import FailureCount, IngestPace, StagePace, measure_pace, pace_lines
from tests.factories import video_id


def test_what_remains_is_described_with_and_without_a_pace() -> None:
    pace = IngestPace(
        failures=(FailureCount(stage="discover", kind="timeout", host="", count=2),),
        stages=(
            StagePace(stage="download", per_hour=30.0, pending=60, hours_left=2.0),
            StagePace(stage="transcribe", per_hour=0.0, pending=3, hours_left=None),
            StagePace(stage="keep", per_hour=0.0, pending=0, hours_left=None),
        ),
        closed=(),
        lines_to_ask=40,
    )
    assert [" ".join(line.split()) for line in pace_lines(pace)[1:]] == [
        "failed at kind items host",
        "discover timeout 2 (this machine)",
        "`ophvl retry --kind KIND` tries those of one kind again",
        "download 30 videos an hour, 60 to go: 2.0 h",
        "transcribe 3 to go",
        "Among them are 40 lines that are not expanded yet, each counted as one video.",
    ]


def test_the_pace_is_that_of_the_last_hour_with_work(store: Store) -> None:
    for n, at in ((1, "10:00"), (2, "12:30"), (3, "13:00")):
        entry = Entry(
            stage="download",
            unit=video_id(n),
            fingerprint="f",
            outcome=EntryOutcome.EMITTED,
            at=f"2026-01-01T{at}:00+00:00",
        )
        store.commit(entry, {})
    download, transcribe = measure_pace(store).stages
    assert (download.per_hour, download.pending, download.hours_left) == (2.0, 0, 0.0)
    assert (transcribe.per_hour, transcribe.hours_left) == (0.0, None)
