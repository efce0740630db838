"""The study's dataset. In: a seed and sizes. Out: shards as `ophvl build-pairs` writes them, and labels.

A clip row holds the frames of one step and its narration; a video row holds a frame every `FRAME_S` seconds
of the whole video. JPEG is the only codec between the drawing and the trainer.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.learnability import draw
from benchmarks.learnability.words import narrate, title
from benchmarks.learnability.world import Operation, operate
from benchmarks.training.shard_rows import training_row, write_shard
from demo.labels import write_labels
from schemas.labels import LabelRow
from schemas.pairs import PairAttribute
from schemas.shards import ShardRow
from schemas.vocab import Kind, Level, LicenceClass, Route, Split, Task

FRAME_S = 2.0
_QUALITY = 92
_ROWS_PER_FILE = 2_000


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Numbers of videos: narrated and silent ones for training, and silent ones for testing."""

    narrated: int
    silent: int
    test: int


def write(folder: Path, *, seed: int, sizes: Sizes) -> None:
    """Write `folder/shards` and `folder/labels.parquet`. The test videos depend on the seed alone.

    Every video has its own random generator, seeded by seed, group and number: more narrated videos do not
    change the others.
    """
    shards = folder / "shards"
    shards.mkdir(parents=True)
    rows: list[ShardRow] = []
    labels: list[LabelRow] = []
    files = 0
    groups = (
        (Route.NARRATED, Split.TRAIN, sizes.narrated),
        (Route.SILENT, Split.TRAIN, sizes.silent),
        (Route.SILENT, Split.TEST, sizes.test),
    )
    for number, (route, split, count) in enumerate(groups):
        for video in range(count):
            random = np.random.default_rng((seed, number, video))
            video_id = f"file_{seed:04x}{number:04x}{video:08x}"
            video_rows, video_labels = _video(video_id, route, split, random)
            rows += video_rows
            labels += video_labels
            if len(rows) >= _ROWS_PER_FILE:
                write_shard(shards, files, rows)
                files, rows = files + 1, []
    if rows:
        write_shard(shards, files, rows)
    write_labels(labels, folder / "labels.parquet")


def _video(
    video_id: str, route: Route, split: Split, random: np.random.Generator
) -> tuple[list[ShardRow], list[LabelRow]]:
    operation = operate(random)
    look = draw.style(operation, random)
    narrations = narrate(operation, random)
    video_title = title(operation, random, silent=route is Route.SILENT)
    surgery = PairAttribute(
        kind=Kind.SURGERY,
        concept_id=operation.surgery.concept_id,
        label=operation.surgery.name,
        negated=False,
    )
    # The attributes of the title's words; a vague or wrong title has none.
    attributes = [surgery] if route is Route.NARRATED else []
    frames: list[bytes] = []
    times: list[float] = []
    rows: list[ShardRow] = []
    labels = [_label(video_id, 0.0, operation.duration_s, Task.SURGERY, operation.surgery.name)]
    for index, step in enumerate(operation.steps):
        labels.append(_label(video_id, step.start_s, step.end_s, Task.PHASE, step.phase))
        step_times = [s for s in _times(operation.duration_s) if step.start_s <= s < step.end_s]
        drawn = list(_frames(operation, index, look, len(step_times), random))
        for time_s, one in zip(step_times, drawn, strict=True):
            labels += [
                _label(video_id, time_s - FRAME_S / 2, time_s + FRAME_S / 2, Task.INSTRUMENT, name)
                for name in sorted(one.instruments)
            ]
        jpegs = [_jpeg(one.pixels) for one in drawn]
        frames, times = frames + jpegs, times + step_times
        if route is Route.NARRATED:
            rows.append(
                training_row(
                    pair_id=f"{video_id}-n{index:04d}",
                    level=Level.CLIP,
                    kind=route,
                    video_id=video_id,
                    start_s=step.start_s,
                    end_s=step.end_s,
                    text=narrations[index].text,
                    title=video_title,
                    narrations=[],
                    attributes=[],
                    split=split,
                    frames=jpegs,
                    frame_times_s=step_times,
                    licence_class=LicenceClass.OPEN,
                )
            )
    rows.append(
        training_row(
            pair_id=f"{video_id}-v",
            level=Level.VIDEO,
            kind=route,
            video_id=video_id,
            start_s=0.0,
            end_s=operation.duration_s,
            text=None,
            title=video_title,
            narrations=[n.text for n in narrations] if route is Route.NARRATED else [],
            attributes=attributes,
            split=split,
            frames=frames,
            frame_times_s=times,
            licence_class=LicenceClass.OPEN,
        )
    )
    return rows, labels


def _frames(
    operation: Operation,
    index: int,
    look: draw.Style,
    count: int,
    random: np.random.Generator,
) -> Iterator[draw.DrawnFrame]:
    """Draw `count` frames of the step with this index."""
    step = operation.steps[index]
    cataract = "phacoemulsification" in operation.surgery.phases
    for _ in range(count):
        yield draw.frame(look, step.phase, step.before, cataract, random)


def _times(duration_s: float) -> list[float]:
    """Return the times of the frames: one every `FRAME_S`, starting at half of that."""
    return [round(FRAME_S * (i + 0.5), 1) for i in range(int(duration_s / FRAME_S))]


def _jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _label(video_id: str, start_s: float, end_s: float, task: Task, name: str) -> LabelRow:
    return LabelRow(
        video_id=video_id,
        start_s=start_s,
        end_s=end_s,
        task=task,
        class_=name,
        source="benchmarks.learnability",
    )
