"""Text search. In: a query, a model, shards. Out: the clips and silent windows most similar to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ophclip.data.shards import Shards
from ophclip.errors import ConfigError
from ophclip.inference.embed import WINDOW, EmbeddingTables, embed, read_embeddings
from ophclip.inference.pretrained import Pretrained
from schemas.vocab import Level


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A span of a video that matches. `similarity` is the cosine between its frames and the query."""

    similarity: float
    pair_id: str
    video_id: str
    level: str
    start_s: float
    end_s: float
    text: str | None
    title: str | None

    @property
    def silent(self) -> bool:
        """Whether the span has no narration."""
        return self.level == WINDOW


def search(
    source: Pretrained,
    shards: Shards,
    query: str,
    *,
    count: int,
    embeddings: Path,
    log: Callable[[str], None] = print,
) -> list[Hit]:
    """Return the `count` clips and windows most similar to `query`, best first, without duplicates.

    Args:
        source: the model and its checkpoint.
        shards: the dataset.
        query: any text.
        count: most hits to return.
        embeddings: folder that `ophclip embed` wrote. Where it does not fit checkpoint and shards, the
            embeddings are computed and not saved.
        log: receives the line that says which embeddings are used.

    Raises:
        ConfigError: see `check_query`.
        DataError: a frame cannot be read.
    """
    check_query(query, count)
    tables = read_embeddings(source, shards, embeddings)
    if tables is None:
        log(
            f"no fitting embeddings in {embeddings}: computing those of {len(shards.rows)} rows "
            "(`ophclip embed` saves them)"
        )
        tables = embed(source, shards)
    else:
        log(f"embeddings: {embeddings}")
    with torch.no_grad():
        embedding = source.model.embed_texts([query.strip()], Level.CLIP)[0].numpy(force=True)
    return _distinct(_hits(tables, embedding), count)


def check_query(query: str, count: int) -> None:
    """Check the arguments of a search, before anything is loaded.

    Raises:
        ConfigError: the query is empty, or `count` is not positive.
    """
    if not query.strip():
        raise ConfigError("the query is empty; describe in words what to look for")
    if count < 1:
        raise ConfigError(f"-k {count}: ask for at least 1 result")


def format_time(seconds: float) -> str:
    """Format a time as h:mm:ss, cut to whole seconds."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def format_hit(rank: int, hit: Hit) -> str:
    """Format a hit as one line for the terminal, without control characters of its text."""
    text = f"[silent] {hit.title or 'no title'}" if hit.silent else hit.text or ""
    span = f"{format_time(hit.start_s)}-{format_time(hit.end_s)}"
    line = f"{rank:3}  {hit.similarity:6.3f}  {hit.video_id}  {span}  {text}"
    return "".join(c if c.isprintable() else " " for c in line)


def _hits(tables: Iterable[EmbeddingTables], query: np.ndarray) -> list[Hit]:
    """Return all clips and windows with their similarity to `query` [D], in the order of the tables."""
    hits = []
    for both in tables:
        for table in (both.rows, both.windows):
            embeddings = table.column("embedding").combine_chunks().flatten().to_numpy()
            similarities = embeddings.reshape(-1, len(query)) @ query
            rows = table.drop_columns(["embedding", "checkpoint_sha256"]).to_pylist()
            hits += [
                Hit(similarity=float(similarity), **row)
                for similarity, row in zip(similarities, rows, strict=True)
                if row["level"] != Level.VIDEO
            ]
    return hits


def _distinct(hits: list[Hit], count: int) -> list[Hit]:
    """Return the best `count` hits, without those that share half of their time with a better one."""
    best: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (-hit.similarity, hit.pair_id, hit.start_s)):
        if len(best) == count:
            break
        if not any(_overlap(hit, better) for better in best):
            best.append(hit)
    return best


def _overlap(one: Hit, other: Hit) -> bool:
    """Return whether two hits of one video share at least half of the shorter one."""
    shared_s = min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
    shorter_s = min(one.end_s - one.start_s, other.end_s - other.start_s)
    return one.video_id == other.video_id and shared_s >= shorter_s / 2
