"""Shards of some of the videos. In: labelled frames. Out: a shards folder as `ophvl build-pairs` writes it.

Each labelled frame makes a few clips, which differ in their caption. A clip's pictures are the frame and
those at most `NEAR_S` away that show the same instruments; training draws one of them each time.
"""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from benchmarks.cadis.captions import TEMPLATES, caption
from benchmarks.cadis.labels import Frame
from benchmarks.training.shard_rows import training_row, write_shard
from schemas.vocab import LicenceClass

NEAR_S = 1.0
_HALF_FRAME_S = 1 / 6
"""Labelled frames lie a third of a second apart where they are dense."""

_SIZE = (320, 180)
_QUALITY = 95

Jpegs = Mapping[Path, bytes]
"""Small JPEG files by the path of the full picture."""


def shrink(frames: Sequence[Frame]) -> Jpegs:
    """Each picture once, small: every training run and every figure starts from the same bytes."""
    made = {}
    for frame in frames:
        file = io.BytesIO()
        with Image.open(frame.path) as picture:
            small = picture.convert("RGB").resize(_SIZE, Image.Resampling.LANCZOS)
        small.save(file, "JPEG", quality=_QUALITY)
        made[frame.path] = file.getvalue()
    return made


def write(
    folder: Path, frames: Sequence[Frame], jpegs: Jpegs, *, captions_each: int, seed: int
) -> int:
    """Write `folder/shards` with `captions_each` clips a frame; return the number of clips."""
    dice = random.Random(seed)
    rows = []
    for frame in frames:
        beside = _beside(frame, frames)
        for template in dice.sample(range(len(TEMPLATES)), captions_each):
            video_id = f"cadis_{frame.video.lower()}"
            rows.append(
                training_row(
                    pair_id=f"{video_id}-f{frame.number:06d}-{template}",
                    video_id=video_id,
                    start_s=max(0.0, beside[0].time_s - _HALF_FRAME_S),
                    end_s=beside[-1].time_s + _HALF_FRAME_S,
                    text=caption(frame.instruments, template),
                    frames=[jpegs[near.path] for near in beside],
                    frame_times_s=[near.time_s for near in beside],
                    licence_class=LicenceClass.NON_COMMERCIAL,
                )
            )
    place = folder / "shards"
    place.mkdir(parents=True)
    write_shard(place, 0, rows)
    return len(rows)


def _beside(frame: Frame, frames: Sequence[Frame]) -> list[Frame]:
    """The frame and its like in time order."""
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
