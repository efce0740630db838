"""Embed a dataset. In: a trained model and shards. Out: two Parquet tables on disk.

`rows/` has one row for each clip and each video, at its own level. `windows/` has one row for each window
of a video that overlaps no clip, at clip level, so that silent videos can be searched in time. Both have
a file for each shard, with the shard's name. Parquet alone, rather than safetensors with an index: ids,
times and vectors stay in one row, and `pandas.read_parquet("embeddings/rows")` is enough.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from ophclip.data.augment import resize_frames
from ophclip.data.batches import ContextSampler, FrameStore, stack_context
from ophclip.data.shards import Sample, Shards
from ophclip.errors import ConfigError
from ophclip.inference.pretrained import Pretrained
from ophclip.inference.spans import Span, embed_spans, row_features
from ophvl.faults import naming, reading, remedy
from schemas.vocab import Level

ROWS, WINDOWS = "rows", "windows"
WINDOW = "window"
"""The value of column `level` in `windows/`."""

WINDOW_S = 10.0
"""Length of a window, or the time between two frames of the video where that is longer."""

_ROW_BATCH = 256
_VERSION = "1"


@dataclass(frozen=True, kw_only=True)
class Window:
    """Frames [first, stop) of a video, which represent [start_s, end_s)."""

    first: int
    stop: int
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class EmbeddingTables:
    """Some rows of both tables."""

    rows: pa.Table
    windows: pa.Table


def schema(source: Pretrained, shards: Shards) -> pa.Schema:
    """Return the schema of both tables. Its metadata names the checkpoint and the shards."""
    # "element" is Parquet's name for it.
    vector = pa.list_(pa.field("element", pa.float32()), source.config.model.embedding_dim)
    fields = [
        *((name, pa.string(), False) for name in ("pair_id", "video_id", "level")),
        *((name, pa.float64(), False) for name in ("start_s", "end_s")),
        *((name, pa.string(), True) for name in ("text", "title")),
        ("checkpoint_sha256", pa.string(), False),
        ("embedding", vector, False),
    ]
    return pa.schema(
        [pa.field(name, kind, nullable=nullable) for name, kind, nullable in fields],
        metadata={
            "ophclip.embeddings": _VERSION,
            "ophclip.checkpoint_sha256": source.sha256,
            "ophclip.shards_sha256": shards.fingerprint,
        },
    )


def write_embeddings(
    source: Pretrained, shards: Shards, to: Path, *, log: Callable[[str], None] = print
) -> None:
    """Embed every row into folder `to`, one shard at a time; shards that are complete there are skipped.

    Args:
        source: the model and its checkpoint.
        shards: the dataset.
        to: folder for `rows/` and `windows/`.
        log: receives one line of progress for each shard.

    Raises:
        ConfigError: `to` holds embeddings of another checkpoint or other shards, or cannot be written.
        DataError: a frame cannot be read.
    """
    columns = schema(source, shards)
    for path in sorted(to.glob("*/*.parquet")):
        if not _has_schema(path, columns):
            raise ConfigError(
                f"{path} was written with another checkpoint or from other shards; give another --to, "
                "or delete the folder"
            )
    try:
        for name in (ROWS, WINDOWS):
            (to / name).mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigError(f"cannot create the folder {to}: {remedy(err)}") from err
    for number, shard in enumerate(shards.files):
        progress = f"{number + 1}/{len(shards.files)} {shard.name}"
        # The rows' file is renamed last: where it exists, the windows' file exists too.
        if (to / ROWS / shard.name).is_file():
            log(f"{progress} exists already")
            continue
        with (
            _parquet_writer(to / ROWS / shard.name, columns) as rows,
            _parquet_writer(to / WINDOWS / shard.name, columns) as windows,
        ):
            counts = [0, 0]
            for tables in embed(source, shards, files=[number]):
                rows.write_table(tables.rows)
                windows.write_table(tables.windows)
                counts[0] += tables.rows.num_rows
                counts[1] += tables.windows.num_rows
        log(f"{progress} {counts[0]} rows, {counts[1]} windows")


def read_embeddings(
    source: Pretrained, shards: Shards, folder: Path
) -> Iterator[EmbeddingTables] | None:
    """Read what `write_embeddings` wrote into `folder`, a shard at a time.

    Returns:
        None if the folder is not complete, or belongs to another checkpoint or other shards.
    """
    columns = schema(source, shards)
    pairs = [(folder / ROWS / shard.name, folder / WINDOWS / shard.name) for shard in shards.files]
    if not all(_has_schema(path, columns) for pair in pairs for path in pair):
        return None
    return (EmbeddingTables(rows=_read(rows), windows=_read(windows)) for rows, windows in pairs)


@torch.no_grad()
def embed(
    source: Pretrained, shards: Shards, *, files: Sequence[int] | None = None
) -> Iterator[EmbeddingTables]:
    """Embed the rows of some shard files, some hundred rows at a time.

    Args:
        source: the model and its checkpoint.
        shards: the dataset.
        files: indices in `shards.files`; all by default.

    Raises:
        DataError: a frame cannot be read.
    """
    chosen = [row for row in shards.rows if files is None or row.file in files]
    videos = {row.video_id: row for row in shards.rows if row.level == Level.VIDEO}
    clip_spans: dict[str, list[Span]] = {}
    for row in shards.rows:
        if row.level == Level.CLIP:
            clip_spans.setdefault(row.video_id, []).append((row.start_s, row.end_s))
    store = FrameStore(
        shards,
        chosen,
        # Each frame is needed once: none is cached.
        config=source.config.data.model_copy(update={"cache_mb": 0}),
        side=source.config.model.image_size,
    )
    columns = schema(source, shards)
    for start in range(0, len(chosen), _ROW_BATCH):
        rows: list[dict[str, object]] = []
        windows: list[dict[str, object]] = []
        for row in chosen[start : start + _ROW_BATCH]:
            features = row_features(source.model, store, row)
            level = Level(row.level)
            embedding = _embed_row(source, store, row, features, videos).numpy(force=True)
            values = {
                "pair_id": row.pair_id,
                "video_id": row.video_id,
                "level": row.level,
                "start_s": row.start_s,
                "end_s": row.end_s,
                "text": row.text,
                "title": row.title,
                "checkpoint_sha256": source.sha256,
                "embedding": embedding,
            }
            rows.append(values)
            if level is Level.VIDEO:
                clips = clip_spans.get(row.video_id, [])
                windows += _window_rows(source, row, values, features, clips)
        yield EmbeddingTables(
            rows=pa.Table.from_pylist(rows, schema=columns),
            windows=pa.Table.from_pylist(windows, schema=columns),
        )


def video_windows(row: Sample) -> list[Window]:
    """Divide a video into windows of about `WINDOW_S` that overlap by half and cover all of it.

    A frame represents the time up to half way to the frames next to it, so that there are no gaps.
    """
    times = row.frame_times_s
    between = [(a + b) / 2 for a, b in itertools.pairwise(times)]
    edges = [row.start_s, *between, row.end_s]
    count = len(times)
    spacing_s = (row.end_s - row.start_s) / count
    length = min(max(1, round(WINDOW_S / spacing_s)), count)
    firsts = [*range(0, count - length, max(1, length // 2)), count - length]
    return [
        Window(first=first, stop=first + length, start_s=edges[first], end_s=edges[first + length])
        for first in firsts
    ]


def _embed_row(
    source: Pretrained,
    store: FrameStore,
    row: Sample,
    features: torch.Tensor,
    videos: Mapping[str, Sample],
) -> torch.Tensor:
    """Embed a clip or a video as a whole: [D].

    Args:
        source: the model and its checkpoint.
        store: decodes the context frames of a clip.
        row: the clip or video.
        features: [F, W], of all frames of `row`.
        videos: the video-level rows by `video_id`.
    """
    model, data = source.model, source.config.data
    if row.level == Level.VIDEO:
        return model.project_images(model.pool_frames(features[None]), Level.VIDEO)[0]
    context_features = features[:0]
    sampler = ContextSampler(videos=videos, count=data.context, stride_s=data.context_stride_s)
    context = sampler.frames_around(row)
    times = stack_context([context], 1)
    if context.indices:
        frames = store.frames(context.row, context.indices).to(source.device)
        resized = resize_frames(frames, side=source.config.model.image_size)
        context_features = model.frame_features(resized)
    return model.embed_clips(features[None], context_features[None], times.offsets_s, times.mask)[0]


def _window_rows(
    source: Pretrained,
    row: Sample,
    values: dict[str, object],
    features: torch.Tensor,
    clips: Sequence[Span],
) -> list[dict[str, object]]:
    """Return the rows of the windows of a video that overlap none of its `clips`.

    Args:
        source: the model and its checkpoint.
        row: the video.
        values: the columns of the video's own row.
        features: [F, W], of all frames of the video.
        clips: the spans of its clips.
    """
    silent = [
        window
        for window in video_windows(row)
        if not any(window.start_s < end_s and start_s < window.end_s for start_s, end_s in clips)
    ]
    if not silent:
        return []
    times = row.frame_times_s
    # The time of a frame may be a little outside the bounds of its video.
    spans = [(min(w.start_s, times[w.first]), max(w.end_s, times[w.stop - 1])) for w in silent]
    embeddings = embed_spans(source.model, row, features, spans, data=source.config.data)
    return [
        {**values, "level": WINDOW, "start_s": w.start_s, "end_s": w.end_s, "embedding": embedding}
        for w, embedding in zip(silent, embeddings.numpy(force=True), strict=True)
    ]


def _read(path: Path) -> pa.Table:
    with reading(path, "delete the folder, and embed again with `ophclip embed`"):
        return pq.read_table(path)


def _has_schema(path: Path, columns: pa.Schema) -> bool:
    """Return whether a file holds embeddings of the checkpoint and shards that `columns` names."""
    try:
        return bool(pq.read_schema(path).equals(columns, check_metadata=True))
    except (OSError, pa.ArrowInvalid):
        return False


@contextmanager
def _parquet_writer(path: Path, columns: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open a writer whose file appears at `path` when the block ends without an exception."""
    working = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with naming(path), pq.ParquetWriter(working, columns) as writer:
            yield writer
        working.replace(path)
    finally:
        working.unlink(missing_ok=True)
