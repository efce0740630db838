"""Paths of a dataset folder, and the stages that write each of its tables."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ophvl.dataset.rows import OUTCOME_TABLES
from ophvl.stage import StageSpec

APPENDED = frozenset({"availability"})
"""Tables that no stage writes: rows are appended to them and never changed."""

SOURCE_LISTS = "lists"

_BATCH = "batch-"


@dataclass(frozen=True)
class Layout:
    """Paths below `root`; `stages` are all stages by name."""

    root: Path
    stages: Mapping[str, StageSpec]

    @cached_property
    def writers(self) -> Mapping[str, StageSpec]:
        """The stage that writes each table."""
        return {table: spec for spec in self.stages.values() for table in spec.writes}

    def stages_writing(self, table: str) -> list[StageSpec]:
        """Return the stages whose results may hold rows of `table`."""
        if table in OUTCOME_TABLES:
            return list(self.stages.values())
        return [self.writers[table]] if table in self.writers else []

    def result_path(self, stage: str, unit: str) -> Path:
        """Return the result file of one unit."""
        return self.root / "units" / stage / f"{unit}.zip"

    def batch_path(self, stage: str, first_unit: str) -> Path:
        """Return the result file that several units share."""
        return self.result_path(stage, f"{_BATCH}{first_unit}")

    def result_files(self, stage: str) -> list[Path]:
        """Return the result files of `stage` that are not compacted yet."""
        folder = self.root / "units" / stage
        try:
            names = os.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [folder / n for n in sorted(names) if n.endswith(".zip") and not n.startswith(".")]

    def segment_path(self, stage: str, partition: int) -> Path:
        """Return the ledger segment of one partition."""
        return self.root / "ledger" / stage / f"{partition:03d}.jsonl"

    def segments(self, stage: str) -> list[Path]:
        """Return the ledger segments of `stage`."""
        return sorted((self.root / "ledger" / stage).glob("*.jsonl"))

    def parquet_path(self, table: str, name: str) -> Path:
        """Return the Parquet file of `table` that a segment names."""
        return self.root / "tables" / table / name

    def appended_files(self, table: str) -> list[Path]:
        """Return the files of a table that rows are appended to."""
        return sorted((self.root / table).glob("*.parquet"))

    def source_list_path(self, list_path: str) -> Path:
        """Return the file that records the lines of a source list."""
        name = hashlib.sha256(list_path.encode(errors="surrogateescape")).hexdigest()[:16]
        return self.root / SOURCE_LISTS / f"{name}.json"


def is_batch(path: Path) -> bool:
    """Tell whether several units share a result file."""
    return path.name.startswith(_BATCH)
