"""Stage review: what readers judged wrong -> overrides. Later stages leave those readings out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ophvl.dataset.overrides import Overrides
from ophvl.ids import child_id
from ophvl.stage import StageResult
from pipelines.config import ReviewConfig

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class OverrideRow:
    """A row of table `overrides`."""

    override_id: str
    video_id: str
    target: str
    kind: str | None
    before: str
    surface: str
    after: str
    value: str


def review(videos: pa.Table, *, config: ReviewConfig, overrides: Overrides) -> StageResult:
    """Pass on the overrides of one video."""
    from schemas.overrides import OVERRIDES

    (video_id,) = videos.column("video_id").to_pylist()
    rows = [
        OverrideRow(
            override_id=child_id(video_id, "o", number),
            **asdict(override),
        )
        for number, override in enumerate(overrides.of(video_id))
    ]
    return StageResult(tables={"overrides": OVERRIDES.table(rows)})
