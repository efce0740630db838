"""Stage split: titles -> splits. By source video, never by clip, so that no surgery is in two splits.

The assignment is a hash of the video's id: it does not move when videos come or go.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from ophvl.config import Settings
from ophvl.stage import Scope, StageResult, StageSpec
from schemas.splits import SPLITS, SplitRow
from schemas.vocab import Split

if TYPE_CHECKING:
    import pyarrow as pa


class SplitConfig(Settings):
    """Settings of stage split; the rest of the videos is for training."""

    val_share: float = Field(0.05, ge=0, description="Share of source videos for validation.")
    test_share: float = Field(0.05, ge=0, description="Share of source videos for testing.")
    salt: str = Field("ophvl", description="Another salt draws another assignment.")

    @model_validator(mode="after")
    def _something_to_train(self) -> Self:
        if self.val_share + self.test_share >= 1:
            raise ValueError("val_share and test_share must sum to less than 1")
        return self


def split(titles: pa.Table, *, config: SplitConfig) -> StageResult:
    """Assign each source video to train, val or test."""
    rows = [
        SplitRow(video_id=video_id, split=assign(video_id, config))
        for video_id in sorted(titles.column("video_id").to_pylist())
    ]
    return StageResult(tables={"splits": SPLITS.table(rows)})


def assign(video_id: str, config: SplitConfig) -> Split:
    """Return the split of one video: test below `test_share`, then val, then train."""
    digest = hashlib.sha256(f"{config.salt}/{video_id}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    if share < config.test_share:
        return Split.TEST
    if share < config.test_share + config.val_share:
        return Split.VAL
    return Split.TRAIN


STAGE = StageSpec(
    name="split",
    version=1,
    scope=Scope.CORPUS,
    run=split,
    settings=SplitConfig,
    help="assign every source video to train, val or test",
    reads={"titles": ("video_id",)},
    writes=("splits",),
)
