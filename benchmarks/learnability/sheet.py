"""Draw a contact sheet of the study's corpus: a row for each phase, a column for each video.

    python -m benchmarks.learnability.sheet --out build/learnability.png

The frames are read from shards, so that they are those that the trainer reads. The seed is a development
seed unless another is given: nobody should look at the study's own videos.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from benchmarks.learnability.corpus import Sizes, write
from benchmarks.learnability.draw import SIDE
from benchmarks.learnability.variants import DEVELOPMENT_SEEDS
from benchmarks.learnability.world import PHASE_NAMES
from ophclip.data.shards import Sample, open_shards
from schemas.vocab import Level, Task

COLUMNS = 10
SCALE = 2
LABEL_WIDTH = 200

Pixels = NDArray[np.uint8]


def contact_sheet(folder: Path, *, columns: int = COLUMNS) -> Pixels:
    """Show the middle frame of the first span of each phase, in the first videos that have it, in RGB.

    The last tiles of a phase that fewer than `columns` videos have are black.
    """
    shards = open_shards(folder, cached_groups=4)
    videos = [row for row in shards.rows if row.level == Level.VIDEO]
    spans = _first_spans(folder)
    tiles: dict[str, list[Pixels]] = {name: [] for name in PHASE_NAMES}
    for row in videos:
        jpegs = shards.jpegs(row)
        for name, of_phase in tiles.items():
            span = spans.get((row.video_id, name))
            if span and len(of_phase) < columns:
                of_phase.append(_tile(jpegs[_middle(row, span)]))
    blank = np.zeros((SIDE * SCALE, SIDE * SCALE, 3), np.uint8)
    return np.concatenate(
        [
            np.concatenate([_label(name), *of_phase, *[blank] * (columns - len(of_phase))], axis=1)
            for name, of_phase in tiles.items()
        ]
    )


def _first_spans(folder: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the first span of each phase, by video and phase."""
    spans: dict[tuple[str, str], tuple[float, float]] = {}
    for label in pq.read_table(folder / "labels.parquet").to_pylist():
        if label["task"] == Task.PHASE:
            key = (label["video_id"], label["class"])
            span = (label["start_s"], label["end_s"])
            spans[key] = min(span, spans.get(key, span))
    return spans


def _middle(row: Sample, span: tuple[float, float]) -> int:
    """Return the index of the frame nearest to the middle of the span."""
    middle_s = sum(span) / 2
    return min(range(len(row.frame_times_s)), key=lambda i: abs(row.frame_times_s[i] - middle_s))


def _tile(jpeg: bytes) -> Pixels:
    pixels = np.asarray(Image.open(io.BytesIO(jpeg)), np.uint8)
    side = SIDE * SCALE
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def _label(name: str) -> Pixels:
    label = np.full((SIDE * SCALE, LABEL_WIDTH, 3), 250, np.uint8)
    at = (6, SIDE * SCALE // 2)
    cv2.putText(label, name, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 40), 1, cv2.LINE_AA)
    return label


def main(arguments: Sequence[str]) -> int:
    """Draw a small corpus and write its sheet."""
    parser = argparse.ArgumentParser(prog="benchmarks.learnability.sheet", description=__doc__)
    parser.add_argument("--seed", type=int, default=DEVELOPMENT_SEEDS[0])
    parser.add_argument("--videos", type=int, default=150)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="learnability-sheet-") as temporary:
        folder = Path(temporary) / "data"
        write(folder, seed=chosen.seed, sizes=Sizes(narrated=chosen.videos, silent=0, test=0))
        sheet = contact_sheet(folder)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(chosen.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
