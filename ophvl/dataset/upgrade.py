"""Bring a dataset folder of an earlier version to the form of this one, without asking any site.

Before table `line_videos`, a video's row belonged to the result of one line, its owner, and column
`folded_videos` of `sources` named the videos of a line that other lines owned. All rows of the line stage are
written anew in one result file. Its rename is the upgrade; what is removed afterwards is void.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.dataset.commit import read_entries, read_stored_rows, stored_tables, write_result
from ophvl.dataset.compact import compact
from ophvl.dataset.layout import Layout
from ophvl.dataset.ledger import Entry, described_video
from ophvl.dataset.read import read_ledger, repeat_while_compacted
from ophvl.dataset.rows import exclude_rows
from ophvl.dataset.segments import read_header
from ophvl.dataset.sweep import sweep_lines
from ophvl.errors import UsageError
from ophvl.faults import reading
from ophvl.lock import mutex
from ophvl.partitions import ALL_PARTITIONS
from ophvl.stage import Scope, StageSpec

if TYPE_CHECKING:
    import pyarrow as pa


_RESTORE = "restore it from a copy, or begin a new folder with the same source list"


def upgrade(layout: Layout, note: Callable[[str], None]) -> None:
    """Bring the results of the line stages to this version's form, if they are in the earlier one.

    Raises:
        UsageError: the folder cannot be written.
    """
    for spec in layout.stages.values():
        if spec.scope is not Scope.LINE:
            continue
        # A run of another process may compact its lines while a command looks.
        if not repeat_while_compacted(partial(_earlier_files, layout, spec)):
            continue
        try:
            with mutex(layout.root, "lines", note):
                _upgrade_lines(layout, spec, note)
        except OSError as err:
            raise UsageError(
                f"{layout.root} was made by an earlier version of ophvl, and cannot be brought to the form "
                f"of this one: {err}; make the folder writable, or continue with that version"
            ) from err


def _upgrade_lines(layout: Layout, spec: StageSpec, note: Callable[[str], None]) -> None:
    earlier = _earlier_files(layout, spec)  # Another process may have done it meanwhile.
    upgraded = layout.batch_path(spec.name, "upgrade")
    if earlier and not upgraded.exists():
        entries = read_ledger(layout, spec.name)
        tables = _tables(_rows(layout, spec, "sources"), _rows(layout, spec, "videos"))
        new = [*map(_line_entry, entries.values()), *_video_entries(entries)]
        write_result(upgraded, new, tables)
        note(
            f"{layout.root}: brought {tables['sources'].num_rows} source lines to the form of this version; "
            "nothing is fetched again"
        )
    for path in earlier:
        path.unlink()
    sweep_lines(layout)
    compact(layout, spec.name, ALL_PARTITIONS, None)


def _earlier_files(layout: Layout, spec: StageSpec) -> list[Path]:
    """Return the segments and result files of the earlier form.

    All segments are of one form: those of this one are made once the earlier ones are gone.
    """
    segments = layout.segments(spec.name)
    named = (layout.parquet_path("sources", name) for s in segments if (name := _sources_of(s)))
    first = next(named, None)
    if first is None or "folded_videos" not in _names(first):
        segments = []
    return [*segments, *(p for p in layout.result_files(spec.name) if _is_earlier_result(p))]


def _names(path: Path) -> list[str]:
    """Return the columns of a Parquet file."""
    import pyarrow.parquet as pq

    with reading(path, _RESTORE):
        names: list[str] = pq.read_schema(path).names
    return names


def _sources_of(segment: Path) -> str | None:
    return read_header(segment).get("sources")


def _is_earlier_result(path: Path) -> bool:
    tables = stored_tables(path)
    return "sources" in tables and "line_videos" not in tables


def _rows(layout: Layout, spec: StageSpec, table: str) -> pa.Table:
    """Read the rows of a table in the earlier form: each belongs to a line."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    results = layout.result_files(spec.name)
    replaced = {entry.unit for path in results for entry in read_entries(path)}
    slices = [rows for path in results if (rows := read_stored_rows(path, table)) is not None]
    for segment in layout.segments(spec.name):
        if name := read_header(segment).get(table):
            path = layout.parquet_path(table, name)
            with reading(path, _RESTORE):
                rows = pq.read_table(path, partitioning=None)
            slices.append(exclude_rows(rows, "line_id", replaced))
    return pa.concat_tables(slices) if slices else pa.table({})


def _tables(sources: pa.Table, videos: pa.Table) -> Mapping[str, pa.Table]:
    from schemas.line_videos import LINE_VIDEOS, LineVideoRow
    from schemas.sources import SOURCES, SourceRow
    from schemas.videos import VIDEOS
    from schemas.vocab import Outcome

    columns = list(SOURCES.arrow.names)
    video_ids: defaultdict[str, list[str]] = defaultdict(list)
    lines = []
    for row in sources.to_pylist():
        video_ids[row["line_id"]] += row["folded_videos"]
        if row["outcome"] != Outcome.FAILED:
            row["outcome"] = Outcome.EXPANDED
        lines.append(SourceRow(**{name: row[name] for name in columns}))
    if videos.num_rows:
        owners = zip(*(videos.column(c).to_pylist() for c in ("line_id", "video_id")), strict=True)
        for line_id, video_id in owners:
            video_ids[line_id].append(video_id)
    links = [
        LineVideoRow(line_id=line_id, video_id=video_id)
        for line_id, of_line in video_ids.items()
        for video_id in of_line
    ]
    return {
        "sources": SOURCES.table(lines),
        "line_videos": LINE_VIDEOS.table(links),
        "videos": videos if videos.num_rows else VIDEOS.empty(),
    }


def _line_entry(entry: Entry) -> Entry:
    return replace(entry, rows={"sources": 1}, hashes={})


def _video_entries(entries: Mapping[str, Entry]) -> list[Entry]:
    return [
        described_video(entry, video_id, hashes)
        for entry in entries.values()
        for video_id, hashes in entry.hashes.get("videos", {}).items()
    ]
