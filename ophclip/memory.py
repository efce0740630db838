"""Memory bank of silent videos: visual and title embeddings, written as training goes, searched exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F

from ophclip.errors import CheckpointError

CHUNK = 32_768
"""Entries compared at once: bounds the memory of a search by queries x CHUNK numbers."""

Key = Literal["joint", "visual", "text"]


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """What a search returns. Places without an eligible entry have `found` false and index 0."""

    index: torch.Tensor
    """int64 [B, K], best first."""
    score: torch.Tensor
    """[B, K], inner products; -inf where not found."""

    @property
    def found(self) -> torch.Tensor:
        return self.score.isfinite()


class MemoryBank:
    """N entries of D dimensions, one for each silent video. Holds no gradient.

    An entry can be found once it is filled. A query never finds its own video, nor one of its own
    channel where both channels are known.
    """

    def __init__(
        self,
        video_ids: Sequence[str],
        channel_ids: Sequence[str | None],
        surgeries: Sequence[frozenset[str]],
        *,
        dim: int,
        device: torch.device | str = "cpu",
    ) -> None:
        size = len(video_ids)
        self.video_ids = tuple(video_ids)
        self.surgeries = tuple(surgeries)
        self._place = {video: i for i, video in enumerate(video_ids)}
        self._channel = {c: i for i, c in enumerate(dict.fromkeys(c for c in channel_ids if c))}
        codes = [self._channel[c] if c else -1 for c in channel_ids]
        self._channels = torch.tensor(codes, dtype=torch.int64, device=device)
        self.visual = torch.zeros(size, dim, device=device)
        self.title = torch.zeros(size, dim, device=device)
        self.filled = torch.zeros(size, dtype=torch.bool, device=device)
        self.written = torch.zeros(size, dtype=torch.int64, device=device)

    def __len__(self) -> int:
        return len(self.video_ids)

    def ready(self, k: int) -> bool:
        """Whether more than k entries are filled, so that a search for k has something to choose."""
        return int(self.filled.sum()) > k

    def oldest(self, count: int) -> list[int]:
        """The entries to refresh next: unfilled ones, then those written longest ago."""
        order = torch.where(self.filled, self.written, -1).argsort(stable=True)
        return order[:count].tolist()

    def write(
        self, places: Sequence[int], visual: torch.Tensor, title: torch.Tensor, *, step: int
    ) -> None:
        """Overwrite entries with normalised embeddings [len(places), D]."""
        index = torch.tensor(list(places), device=self.visual.device)
        self.visual[index] = visual.detach().to(self.visual)
        self.title[index] = title.detach().to(self.title)
        self.filled[index] = True
        self.written[index] = step

    def mean_age(self, step: int) -> float:
        """Steps since the filled entries were written, on average."""
        return (
            float((step - self.written[self.filled]).float().mean()) if self.filled.any() else 0.0
        )

    def search(
        self,
        queries: torch.Tensor,
        k: int,
        *,
        key: Key,
        video_ids: Sequence[str],
        channel_ids: Sequence[str | None],
    ) -> Neighbours:
        """The k entries of largest inner product for each query [B, D], by exact chunked search.

        Args:
            video_ids, channel_ids: of the queries; entries of the same video or channel are left out.
        """
        device = self.visual.device
        own = torch.tensor([self._place.get(v, -1) for v in video_ids], device=device)
        channel = torch.tensor(
            [self._channel.get(c, -2) if c else -2 for c in channel_ids], device=device
        )
        best = torch.full((len(queries), k), float("-inf"), device=device)
        index = torch.zeros((len(queries), k), dtype=torch.int64, device=device)
        for start in range(0, len(self), CHUNK):
            part = slice(start, start + CHUNK)
            keys = self.keys(torch.arange(len(self), device=device)[part], key)
            places = torch.arange(start, start + len(keys), device=device)
            score = queries.detach().to(keys) @ keys.T
            barred = ~self.filled[part][None] | (places[None] == own[:, None])
            barred |= self._channels[part][None] == channel[:, None]
            score = score.masked_fill(barred, float("-inf"))
            merged = torch.cat([best, score], dim=1)
            best, chosen = merged.topk(k, dim=1)
            index = torch.cat([index, places.expand(len(queries), -1)], dim=1).gather(1, chosen)
        return Neighbours(index=index.masked_fill(~best.isfinite(), 0), score=best)

    def keys(self, index: torch.Tensor, key: Key) -> torch.Tensor:
        """Keys of the entries `index` (any shape), with a last dimension D."""
        return joint(self.visual[index], self.title[index], key)

    def state(self) -> dict[str, torch.Tensor]:
        """All tensors that change, for a checkpoint."""
        return {
            "visual": self.visual,
            "title": self.title,
            "filled": self.filled,
            "written": self.written,
        }

    def load(self, state: dict[str, torch.Tensor], video_ids: Sequence[str]) -> None:
        """Take over a saved state.

        Raises:
            CheckpointError: it was saved for other videos.
        """
        if tuple(video_ids) != self.video_ids:
            raise CheckpointError(
                f"the checkpoint's memory bank holds {len(video_ids)} silent videos that are not the "
                f"{len(self)} of these shards; resume with the shards that the run was started with"
            )
        for name, tensor in self.state().items():
            tensor.copy_(state[name])


def joint(visual: torch.Tensor, title: torch.Tensor, key: Key) -> torch.Tensor:
    """Query or key made of the visual embedding, the title's, or their normalised sum."""
    if key == "visual":
        return visual
    return title if key == "text" else F.normalize(visual + title, dim=-1)
