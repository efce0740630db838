"""Search by words. In: a query, a model, shards. Out: the clips and silent stretches most like it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ophclip.data.shards import Shards
from ophclip.errors import ConfigError
from ophclip.inference.embed import WINDOW, Tables, embed, stored
from ophclip.inference.pretrained import Pretrained
from schemas.vocab import Level


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A found stretch of a video. `similarity` is the cosine between its pictures and the query."""

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
        """Whether no narration tells of it, so that it was found by its pictures alone."""
        return self.level == WINDOW


def search(
    source: Pretrained,
    shards: Shards,
    query: str,
    *,
    count: int,
    embeddings: Path,
    say: Callable[[str], None] = print,
) -> list[Hit]:
    """The `count` clips and windows nearest to `query`, best first, no moment twice.

    Args:
        embeddings: folder that `ophclip embed` wrote. Where it does not fit checkpoint and shards, the
            embeddings are computed, and not kept.

    Raises:
        ConfigError: see `check`.
        DataError: a picture cannot be read.
    """
    check(query, count)
    tables = stored(source, shards, embeddings)
    if tables is None:
        say(
            f"no fitting embeddings in {embeddings}: computing those of {len(shards.rows)} rows "
            "(`ophclip embed` keeps them)"
        )
        tables = embed(source, shards)
    else:
        say(f"embeddings: {embeddings}")
    with torch.no_grad():
        wanted = source.model.embed_texts([query.strip()], Level.CLIP)[0].numpy(force=True)
    return _distinct(_hits(tables, wanted), count)


def check(query: str, count: int) -> None:
    """Refuse what cannot be searched for, before anything is loaded.

    Raises:
        ConfigError: the query is empty, or `count` is not positive.
    """
    if not query.strip():
        raise ConfigError("the query is empty; say in words what to look for")
    if count < 1:
        raise ConfigError(f"-k {count}: ask for at least 1 result")


def clock(seconds: float) -> str:
    """A time as h:mm:ss, cut to whole seconds."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def line(rank: int, hit: Hit) -> str:
    """A hit as one line for the terminal, without the control characters that a text may hold."""
    told = f"[silent] {hit.title or 'no title'}" if hit.silent else hit.text or ""
    span = f"{clock(hit.start_s)}-{clock(hit.end_s)}"
    text = f"{rank:3}  {hit.similarity:6.3f}  {hit.video_id}  {span}  {told}"
    return "".join(c if c.isprintable() else " " for c in text)


def _hits(tables: Iterable[Tables], wanted: np.ndarray) -> list[Hit]:
    """All clips and windows, in the order of the tables."""
    found = []
    for some in tables:
        for table in (some.rows, some.windows):
            vectors = table.column("embedding").combine_chunks().flatten().to_numpy()
            similarities = vectors.reshape(-1, len(wanted)) @ wanted
            lines = table.drop_columns(["embedding", "checkpoint_sha256"]).to_pylist()
            found += [
                Hit(similarity=float(similarity), **fields)
                for similarity, fields in zip(similarities, lines, strict=True)
                if fields["level"] != Level.VIDEO
            ]
    return found


def _distinct(hits: list[Hit], count: int) -> list[Hit]:
    """The best `count` hits, leaving out those that share half of their time with a better one."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (-hit.similarity, hit.pair_id, hit.start_s)):
        if len(kept) == count:
            break
        if not any(_same_moment(hit, better) for better in kept):
            kept.append(hit)
    return kept


def _same_moment(one: Hit, other: Hit) -> bool:
    shared_s = min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
    shorter_s = min(one.end_s - one.start_s, other.end_s - other.start_s)
    return one.video_id == other.video_id and shared_s >= shorter_s / 2
