"""Run a stage that reads the whole corpus at once, or exports it, where anything has changed.

In: the source videos that are ready. Out: one result, or a folder that replaces the last one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ophvl.atomic_io import replacing_folder
from ophvl.dataset.ledger import WHOLE, input_hashes
from ophvl.dataset.store import Store, TableReader
from ophvl.errors import UsageError
from ophvl.run.bound_stage import BoundStage
from ophvl.run.reporter import Reporter
from ophvl.run.results import commit_result, new_entry
from ophvl.run.unit_worker import UnitReport
from ophvl.stage import Scope

if TYPE_CHECKING:
    import pyarrow as pa


def run_corpus(
    store: Store,
    stage: BoundStage,
    ready: Sequence[str],
    reporter: Reporter,
    *,
    force: bool,
    all_stopped: bool,
) -> None:
    """Run `stage` on the videos that are ready.

    Args:
        all_stopped: every video was dropped or failed before, so that none can become ready.

    Raises:
        UsageError: no video is ready.
    """
    spec = stage.spec
    chosen = set(ready)
    hashes = {
        table: {
            unit: input_hashes(table, spec.reads[table], columns)
            for unit, columns in of_table.items()
            if unit in chosen
        }
        for table, of_table in store.hashes(spec.reads).items()
    }
    fingerprint = stage.fingerprint(hashes)
    before = store.entries(spec.name).get(WHOLE)
    folder = store.root / f"{spec.name}s"
    is_current = before is not None and before.fingerprint == fingerprint and not force
    if is_current and (spec.scope is Scope.CORPUS or folder.is_dir()):
        reporter.started([spec.name], 1)
        reporter.advanced(UnitReport(unit=WHOLE, unchanged=(spec.name,)))
        reporter.ended()
        return
    if not ready and not all_stopped:
        raise UsageError(
            f"no video is ready for stage {spec.name}; run the stages before it first, "
            "and see `ophvl status` for the state of each video"
        )
    reporter.started([spec.name], 1)
    entry = new_entry(spec.name, WHOLE, fingerprint)
    started = time.monotonic()
    if spec.scope is Scope.EXPORT:
        with replacing_folder(folder) as temporary:
            stage.call(_reader_of(store, chosen), folder=temporary)
        seconds = round(time.monotonic() - started, 3)
        entry = replace(entry, seconds=seconds, hashes={folder.name: {unit: {} for unit in ready}})
        store.commit(entry, {})
    else:
        inputs: dict[str, pa.Table] = {
            table: store.read(table, columns, video_ids=chosen)
            for table, columns in spec.reads.items()
        }
        entry = commit_result(store, entry, stage.call(**inputs), started=started)
    reporter.advanced(UnitReport(unit=WHOLE, entries=(entry,)))
    reporter.ended()


def _reader_of(store: Store, chosen: set[str]) -> TableReader:
    """Return `store.read` limited to the chosen videos, so that no other is exported."""

    def read(
        table: str, columns: Sequence[str] | None = None, video_ids: Iterable[str] | None = None
    ) -> pa.Table:
        requested = chosen if video_ids is None else chosen.intersection(video_ids)
        return store.read(table, columns, requested)

    return read
