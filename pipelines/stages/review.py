"""Stage review: judgements of reviewers -> overrides. Later stages leave out readings that are wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ophvl.config import Settings
from ophvl.dataset.overrides import Overrides
from ophvl.ids import child_id
from ophvl.stage import Scope, StageResult, StageSpec
from schemas.overrides import OVERRIDES, OverrideRow

if TYPE_CHECKING:
    import pyarrow as pa


class ReviewConfig(Settings):
    """Settings of stage review: none."""


def review(videos: pa.Table, *, config: ReviewConfig, overrides: Overrides) -> StageResult:
    """Return the overrides of one video: readings that reviewers judged wrong."""
    (video_id,) = videos.column("video_id").to_pylist()
    rows = [
        OverrideRow(
            override_id=child_id(video_id, "o", number),
            **asdict(override),
        )
        for number, override in enumerate(overrides.of(video_id))
    ]
    return StageResult(tables={"overrides": OVERRIDES.table(rows)})


STAGE = StageSpec(
    name="review",
    version=2,
    scope=Scope.UNIT,
    run=review,
    settings=ReviewConfig,
    help="pass on readings that reviewers judged wrong, so that later stages leave them out",
    reads={"videos": ("video_id",)},
    writes=("overrides",),
    ports={"overrides": "pipelines.wiring:overrides"},
)
