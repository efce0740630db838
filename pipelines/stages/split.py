"""Titles -> splits. By source video, never by clip, so that no surgery stands in two splits.

The assignment is a hash of the video's id: it does not move when videos come or go.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ophvl.stage import StageResult
from pipelines.config import SplitConfig
from schemas.splits import SPLITS, SplitRow
from schemas.vocab import Split

if TYPE_CHECKING:
    import pyarrow as pa


def split(titles: pa.Table, *, config: SplitConfig) -> StageResult:
    """Assign each source video to train, val or test."""
    rows = [
        SplitRow(video_id=video_id, split=assign(video_id, config))
        for video_id in sorted(titles.column("video_id").to_pylist())
    ]
    return StageResult(tables={"splits": SPLITS.table(rows)})


def assign(video_id: str, config: SplitConfig) -> Split:
    """The split of one video: test below `test_share`, then val, then train."""
    digest = hashlib.sha256(f"{config.salt}/{video_id}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < config.test_share:
        return Split.TEST
    if place < config.test_share + config.val_share:
        return Split.VAL
    return Split.TRAIN
