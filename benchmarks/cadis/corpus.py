"""Write the shards of some videos. In: labelled frames. Out: a shards folder as of `ophvl build-pairs`.

Each labelled frame becomes a few clips, which differ in their caption. A clip's frames are the labelled frame
and those at most `NEAR_S` away that show the same instruments; training draws one of them each time.
"""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from benchmarks.cadis.captions import TEMPLATES, caption
from benchmarks.cadis.labels import LabelledFrame
from benchmarks.training.shard_rows import training_row, write_shard
from schemas.vocab import LicenceClass

NEAR_S = 1.0
_HALF_FRAME_S = 1 / 6
"""Labelled frames are a third of a second apart where they are dense."""

_SIZE = (320, 180)
_QUALITY = 95

Jpegs = Mapping[Path, bytes]
"""Small JPEG files by the path of the full image."""


def shrink(frames: Sequence[LabelledFrame]) -> Jpegs:
    """Shrink each frame once, so that every training run and every figure starts from the same bytes."""
    jpegs = {}
    for frame in frames:
        file = io.BytesIO()
        with Image.open(frame.path) as image:
            small = image.convert("RGB").resize(_SIZE, Image.Resampling.LANCZOS)
        small.save(file, "JPEG", quality=_QUALITY)
        jpegs[frame.path] = file.getvalue()
    return jpegs


def write(
    folder: Path, frames: Sequence[LabelledFrame], jpegs: Jpegs, *, captions_each: int, seed: int
) -> int:
    """Write `folder/shards` with `captions_each` clips for each frame; return the number of clips."""
    rng = random.Random(seed)
    rows = []
    for frame in frames:
        alike = _alike(frame, frames)
        for template in rng.sample(range(len(TEMPLATES)), captions_each):
            video_id = f"cadis_{frame.video.lower()}"
            rows.append(
                training_row(
                    pair_id=f"{video_id}-f{frame.number:06d}-{template}",
                    video_id=video_id,
                    start_s=max(0.0, alike[0].time_s - _HALF_FRAME_S),
                    end_s=alike[-1].time_s + _HALF_FRAME_S,
                    text=caption(frame.instruments, template),
                    frames=[jpegs[other.path] for other in alike],
                    frame_times_s=[other.time_s for other in alike],
                    licence_class=LicenceClass.NON_COMMERCIAL,
                )
            )
    shards = folder / "shards"
    shards.mkdir(parents=True)
    write_shard(shards, 0, rows)
    return len(rows)


def _alike(frame: LabelledFrame, frames: Sequence[LabelledFrame]) -> list[LabelledFrame]:
    """Return the frame and those near it with the same instruments, in time order."""
    return sorted(
        (
            other
            for other in frames
            if other.video == frame.video
            and other.instruments == frame.instruments
            and abs(other.time_s - frame.time_s) <= NEAR_S
        ),
        key=lambda other: other.number,
    )
