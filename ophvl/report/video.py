"""Follow one source video through all stages."""

from __future__ import annotations

from collections import defaultdict

from ophvl.dataset.ledger import EntryOutcome
from ophvl.dataset.store import Store
from ophvl.errors import UsageError
from ophvl.report.terminal import printable
from ophvl.stage import Scope
from schemas.catalogue import TABLES

SHOWN_ROWS = 3
HIDDEN = frozenset({"jpeg", "words", "video_id", "frame_times_s", "attributes", "narrations"})
"""Columns too large for a glance."""


def video_lines(store: Store, video_id: str) -> list[str]:
    """Describe the results of every stage for the video: outcome, counts, first rows.

    Raises:
        UsageError: there is no such video in the folder.
    """
    videos = store.read("videos", video_ids=[video_id])
    if not videos.num_rows:
        known = store.read("videos", ["video_id"]).column("video_id").to_pylist()
        shown = ", ".join(known[:5]) or "none"
        raise UsageError(f"there is no video {video_id} in {store.root}; there are {shown} ...")
    (video,) = videos.to_pylist()
    text = [printable(f"{video_id}: {video['title']}"), printable(f"  from {video['location']}")]
    warnings: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for warning in store.read("warnings").to_pylist():
        if warning["unit"] == video_id:
            warnings[warning["stage"]].append(warning)
    for spec in store.stages.values():
        if spec.scope is not Scope.UNIT:
            continue
        entry = store.entries(spec.name).get(video_id)
        if entry is None:
            text.append(f"{spec.name:<12}pending")
            continue
        counts = ", ".join(f"{rows} {table}" for table, rows in entry.rows.items())
        text.append(
            f"{spec.name:<12}{entry.outcome} in {entry.seconds:.1f} s  {counts or entry.message}"
        )
        if entry.outcome is EntryOutcome.DROPPED:
            text.append(f"{'':<12}{entry.message}")
        for table in spec.writes:
            text += _rows(store, table, video_id)
        text += [printable(f"    warning: {w['message']}") for w in warnings.get(spec.name, ())]
    return text


def _rows(store: Store, table: str, video_id: str) -> list[str]:
    rows = store.read_unit(table, video_id)
    columns = [c.name for c in TABLES[table].columns if c.name not in HIDDEN]
    text = []
    for row in rows.slice(0, SHOWN_ROWS).select(columns).to_pylist():
        cells = [f"{key}={_short(value)}" for key, value in row.items() if value not in (None, [])]
        text.append(f"    {table}: {', '.join(cells)}")
    if rows.num_rows > SHOWN_ROWS:
        text.append(f"    {table}: and {rows.num_rows - SHOWN_ROWS} more")
    return text


def _short(value: object) -> str:
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    return printable(text if len(text) <= 60 else text[:57] + "...")
