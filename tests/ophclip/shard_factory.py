"""Small shards with real JPEG pictures, one integer a video."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from ophclip.config import change
from ophclip.training.config import Config
from ophclip.training.settings import tiny
from schemas.labels import LABELS, LabelRow
from schemas.pairs import PairAttribute
from schemas.shards import SHARDS, ShardRow
from schemas.vocab import Kind, Task
from tests.factories import shard_row

COLOURS = {
    "incision": (200, 60, 40),
    "capsulorhexis": (40, 160, 60),
    "hydrodissection": (50, 70, 200),
}
"""A made-up surgery: each phase floods the picture with a colour of its own."""

PHASES = tuple(COLOURS)
PHASE_S = 10.0


def jpeg(colour: tuple[int, int, int], *, seed: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    """A noisy picture of one colour."""
    noise = np.random.default_rng(seed).integers(-20, 21, (size[1], size[0], 3))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


def attribute(kind: str, concept_id: str | None, *, negated: bool = False) -> PairAttribute:
    """An entry of a row's attributes."""
    return PairAttribute(
        kind=Kind(kind), concept_id=concept_id, label=concept_id or kind, negated=negated
    )


def training_row(**columns: object) -> ShardRow:
    """A row of an open video in the train split, without text, title and attributes unless given."""
    bare = {"text": None, "title": None, "channel_id": None, "narrations": [], "attributes": []}
    return shard_row(0, **{**bare, **columns})


def video_rows(number: int, *, kind: str = "narrated", split: str = "train") -> list[ShardRow]:
    """The video-level row of video `number`, and for a narrated one a clip for each of its phases.

    The first two of these name the same larger phase: a run.
    """
    video = f"file_{number:016x}"
    title = f"Cataract surgery number {number}"
    texts = [f"{phase.capitalize()} is shown here, case {number}." for phase in PHASES]
    frames, times = [], []
    rows = []
    for place, phase in enumerate(PHASES):
        seen = [place * PHASE_S + (i + 0.5) * PHASE_S / 4 for i in range(4)]
        pictures = [jpeg(COLOURS[phase], seed=100 * number + 10 * place + i) for i in range(4)]
        frames += pictures
        times += seen
        if kind == "narrated":
            rows.append(
                training_row(
                    pair_id=f"{video}-n{place:04d}",
                    level="clip",
                    kind=kind,
                    video_id=video,
                    start_s=place * PHASE_S,
                    end_s=(place + 1) * PHASE_S,
                    text=texts[place],
                    title=title,
                    attributes=[attribute("phase", f"part_{number % 3}")] if place < 2 else [],
                    frames=pictures,
                    frame_times_s=seen,
                    split=split,
                )
            )
    rows.append(
        training_row(
            pair_id=f"{video}-v",
            level="video",
            kind=kind,
            video_id=video,
            start_s=0.0,
            end_s=len(PHASES) * PHASE_S,
            title=title,
            narrations=texts if kind == "narrated" else [],
            frames=frames,
            frame_times_s=times,
            split=split,
        )
    )
    return rows


def write_shard(folder: Path, rows: Sequence[ShardRow], *, name: str = "train-00000") -> Path:
    """Write a checked shard; return its path. `folder` is the dataset's root."""
    table = SHARDS.table(rows)
    assert not SHARDS.check(table)
    place = folder / "shards"
    place.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, place / f"{name}.parquet", row_group_size=8)
    return place / f"{name}.parquet"


def write_dataset(folder: Path, *, narrated: int = 4, silent: int = 3, first: int = 1) -> Path:
    """A dataset of narrated and silent videos, numbered on from `first`; returns its root."""
    rows = [row for i in range(narrated) for row in video_rows(first + i)]
    for i in range(silent):
        rows += video_rows(first + narrated + i, kind="silent")
    write_shard(folder, rows)
    return folder


def write_labels(path: Path, rows: Sequence[LabelRow]) -> Path:
    """Write a checked labels table."""
    table = LABELS.table(rows)
    assert not LABELS.check(table)
    pq.write_table(table, path)
    return path


def label(
    video_id: str, start_s: float, end_s: float, name: str, *, task: Task = Task.PHASE
) -> LabelRow:
    """A row of the labels table."""
    return LabelRow(
        video_id=video_id, start_s=start_s, end_s=end_s, task=task, class_=name, source="factory"
    )


def phase_labels(number: int) -> list[LabelRow]:
    """The true spans of video `number`."""
    return [
        label(f"file_{number:016x}", place * PHASE_S, (place + 1) * PHASE_S, phase)
        for place, phase in enumerate(PHASES)
    ]


def small_config(*overrides: str) -> Config:
    """`tiny`, made small enough for tests, with what silent videos are for switched on."""
    small = (
        "model.image_widths=[32, 32, 64, 64]",
        "model.image_size=64",
        "data.clip_batch=5",
        "data.video_batch=4",
        "data.clip_frames=2",
        "data.video_frames=4",
        "loss.silent_titles=true",
        "bank.enabled=true",
        "bank.neighbours=2",
        "bank.refresh=2",
        "optim.warmup_steps=2",
        "train.threads=1",
        "train.max_steps=8",
        "train.clip_steps=1",
        "train.video_steps=1",
        "train.checkpoint_every=100",
        "train.log_every=4",
    )
    return change(tiny(), overrides=[*small, *overrides])
