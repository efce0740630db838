"""Embeddings of a dataset. In: a trained model and shards. Out: two Parquet tables on disk.

`rows/` has one line for each clip and each video, at its own level. `windows/` has one line for each
stretch of a video that no clip tells of, at clip level, so that silent videos can be searched in time.
Both have a file for each shard, under the shard's name. Parquet alone, rather than safetensors beside an
index: ids, times and vectors stay on one line, and `pandas.read_parquet("embeddings/rows")` is enough.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from ophclip.data.augment import plain
from ophclip.data.batches import Context, FrameStore, surroundings
from ophclip.data.shards import Row, Shards
from ophclip.errors import ConfigError
from ophclip.inference.pretrained import Pretrained
from ophclip.inference.spans import embed_spans, row_features
from schemas.vocab import Level

ROWS, WINDOWS = "rows", "windows"
WINDOW = "window"
"""What column `level` says in `windows/`."""

WINDOW_S = 10.0
"""Windows are this long, or one frame's share of the video where frames lie further apart."""

_ROWS_AT_ONCE = 256
_VERSION = "1"


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Frames [first, stop) of a video, which stand for [start_s, end_s)."""

    first: int
    stop: int
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Some lines of both tables."""

    rows: pa.Table
    windows: pa.Table


def schema(source: Pretrained, shards: Shards) -> pa.Schema:
    """Columns of both tables. The metadata names the checkpoint and the shards."""
    # "element" is what Parquet calls it.
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
    source: Pretrained, shards: Shards, to: Path, *, say: Callable[[str], None] = print
) -> None:
    """Embed every row into folder `to`, a file at a time; files that stand there already are kept.

    Raises:
        ConfigError: `to` holds embeddings of another checkpoint or other shards.
        DataError: a picture cannot be read.
    """
    stamp = schema(source, shards)
    for path in sorted(to.glob("*/*.parquet")):
        if not _made_for(path, stamp):
            raise ConfigError(
                f"{path} was made with another checkpoint or from other shards; give another --to, or "
                "delete the folder"
            )
    try:
        for name in (ROWS, WINDOWS):
            (to / name).mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigError(f"cannot make the folder {to}: {err.strerror}") from err
    for number, shard in enumerate(shards.files):
        place = f"{number + 1}/{len(shards.files)} {shard.name}"
        # The rows' file comes last into place: where it stands, the windows' file stands too.
        if (to / ROWS / shard.name).is_file():
            say(f"{place} stands already")
            continue
        with (
            _writing(to / ROWS / shard.name, stamp) as rows,
            _writing(to / WINDOWS / shard.name, stamp) as windows,
        ):
            counts = [0, 0]
            for tables in embed(source, shards, files=[number]):
                rows.write_table(tables.rows)
                windows.write_table(tables.windows)
                counts[0] += tables.rows.num_rows
                counts[1] += tables.windows.num_rows
        say(f"{place} {counts[0]} rows, {counts[1]} windows")


def stored(source: Pretrained, shards: Shards, folder: Path) -> Iterator[Tables] | None:
    """What `write_embeddings` wrote into `folder`; None where it does not fit or is not complete."""
    stamp = schema(source, shards)
    parts = [(folder / ROWS / shard.name, folder / WINDOWS / shard.name) for shard in shards.files]
    if not all(_made_for(path, stamp) for pair in parts for path in pair):
        return None
    return (Tables(rows=pq.read_table(rows), windows=pq.read_table(wins)) for rows, wins in parts)


@torch.no_grad()
def embed(
    source: Pretrained, shards: Shards, *, files: Sequence[int] | None = None
) -> Iterator[Tables]:
    """Embed the rows of the numbered shard files (by default all), some hundred rows at a time.

    Raises:
        DataError: a picture cannot be read.
    """
    chosen = [row for row in shards.rows if files is None or row.file in files]
    videos = {row.video_id: row for row in shards.rows if row.level == Level.VIDEO}
    told: dict[str, list[tuple[float, float]]] = {}
    for row in shards.rows:
        if row.level == Level.CLIP:
            told.setdefault(row.video_id, []).append((row.start_s, row.end_s))
    store = FrameStore(
        shards,
        chosen,
        # Each picture is needed once: nothing is kept.
        config=dataclasses.replace(source.config.data, cache_mb=0),
        side=source.config.model.image_size,
    )
    stamp = schema(source, shards)
    for start in range(0, len(chosen), _ROWS_AT_ONCE):
        rows: list[dict[str, object]] = []
        windows: list[dict[str, object]] = []
        for row in chosen[start : start + _ROWS_AT_ONCE]:
            features = row_features(source.model, store, row)
            level = Level(row.level)
            vector = _vector(source, store, row, features, videos).numpy(force=True)
            line = {
                "pair_id": row.pair_id,
                "video_id": row.video_id,
                "level": row.level,
                "start_s": row.start_s,
                "end_s": row.end_s,
                "text": row.text,
                "title": row.title,
                "checkpoint_sha256": source.sha256,
                "embedding": vector,
            }
            rows.append(line)
            if level is Level.VIDEO:
                windows += _window_lines(source, row, line, features, told.get(row.video_id, []))
        yield Tables(
            rows=pa.Table.from_pylist(rows, schema=stamp),
            windows=pa.Table.from_pylist(windows, schema=stamp),
        )


def stretches(row: Row) -> list[Stretch]:
    """Windows of about `WINDOW_S` over a video's frames, each half over the next, none past the end.

    A frame stands for the time up to half way to its neighbours, so together they leave no gap.
    """
    times = row.frame_times_s
    between = [(a + b) / 2 for a, b in itertools.pairwise(times)]
    edges = [row.start_s, *between, row.end_s]
    count = len(times)
    spacing_s = (row.end_s - row.start_s) / count
    wide = min(max(1, round(WINDOW_S / spacing_s)), count)
    firsts = [*range(0, count - wide, max(1, wide // 2)), count - wide]
    return [
        Stretch(first=first, stop=first + wide, start_s=edges[first], end_s=edges[first + wide])
        for first in firsts
    ]


def _vector(
    source: Pretrained,
    store: FrameStore,
    row: Row,
    features: torch.Tensor,
    videos: Mapping[str, Row],
) -> torch.Tensor:
    """[D]: a clip or video as a whole; a clip with what lies around it, where the model looks there."""
    model, data = source.model, source.config.data
    if row.level == Level.VIDEO:
        return model.project_images(model.pool_frames(features[None]), Level.VIDEO)[0]
    around = features[:0]
    context = Context(videos=videos, count=data.context, stride_s=data.context_stride_s)
    found = context.around(row)
    near = surroundings([found], 1)
    if found.picks:
        frames = store.frames(found.row, found.picks).to(source.device)
        around = model.frame_features(plain(frames, side=source.config.model.image_size))
    return model.embed_clips(features[None], around[None], near.offsets_s, near.found)[0]


def _window_lines(
    source: Pretrained,
    row: Row,
    line: dict[str, object],
    features: torch.Tensor,
    told: Sequence[tuple[float, float]],
) -> list[dict[str, object]]:
    """Lines for the windows that overlap no clip of their video."""
    silent = [
        stretch
        for stretch in stretches(row)
        if not any(stretch.start_s < end_s and start_s < stretch.end_s for start_s, end_s in told)
    ]
    if not silent:
        return []
    times = row.frame_times_s
    # A picture may be stamped a little before or after its video's bounds.
    spans = [(min(s.start_s, times[s.first]), max(s.end_s, times[s.stop - 1])) for s in silent]
    vectors = embed_spans(source.model, row, features, spans, data=source.config.data)
    return [
        {**line, "level": WINDOW, "start_s": s.start_s, "end_s": s.end_s, "embedding": vector}
        for s, vector in zip(silent, vectors.numpy(force=True), strict=True)
    ]


def _made_for(path: Path, stamp: pa.Schema) -> bool:
    """Whether a finished file holds embeddings of this checkpoint and these shards."""
    try:
        return bool(pq.read_schema(path).equals(stamp, check_metadata=True))
    except (OSError, pa.ArrowInvalid):
        return False


@contextmanager
def _writing(path: Path, columns: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A writer of a file that comes into place when the block ends well."""
    working = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with pq.ParquetWriter(working, columns) as writer:
            yield writer
        working.replace(path)
    finally:
        working.unlink(missing_ok=True)
