"""What one batch is asked to learn: the loss terms of the clip level and of the video level.

clip step:   InfoNCE(clip, narration)
video step:  InfoNCE(video, title) + w_pc InfoNCE(title, mean of its narrations) + w_r retrieval
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ophclip import losses
from ophclip.config import Config
from ophclip.data import generator, spread
from ophclip.memory import MemoryBank, Neighbours, joint
from ophclip.model import OphCLIP
from ophclip.shards import Row
from schemas.vocab import Level, Route


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The weighted loss terms of one step, and figures that are only logged."""

    losses: dict[str, torch.Tensor]
    figures: dict[str, float]


def clip_terms(
    model: OphCLIP, frames: torch.Tensor, rows: Sequence[Row], *, config: Config
) -> Terms:
    """Clips [B, F, 3, s, s] in [0, 1] against their narrations."""
    texts = [row.text or "" for row in rows]
    loss = losses.info_nce(
        model.embed_frames(frames, Level.CLIP),
        model.embed_texts(texts, Level.CLIP),
        model.logit_scale(Level.CLIP),
        ignored=_ignored(model, rows, texts, config),
        weights=_weights(rows, config, frames.device),
    )
    return Terms(losses={"clip": loss}, figures={})


def video_terms(
    model: OphCLIP,
    frames: torch.Tensor,
    rows: Sequence[Row],
    *,
    config: Config,
    bank: MemoryBank | None,
    step: int,
) -> Terms:
    """Videos [B, F, 3, s, s] in [0, 1] against their titles, and titles against their narrations.

    Narrated videos are also drawn to the silent videos that `bank` finds for them.
    """
    titles = [row.title or "" for row in rows]
    scale = model.logit_scale(Level.VIDEO)
    visual = model.embed_frames(frames, Level.VIDEO)
    title = model.embed_texts(titles, Level.VIDEO)
    ignored = _ignored(model, rows, titles, config)
    weights = _weights(rows, config, frames.device)
    terms = {"video": losses.info_nce(visual, title, scale, ignored=ignored, weights=weights)}
    parents = [i for i, row in enumerate(rows) if row.narrations]
    if config.loss.parent_child_weight and len(parents) >= 2:
        children = _mean_narrations(model, [rows[i] for i in parents], config, step)
        terms["parent_child"] = config.loss.parent_child_weight * losses.info_nce(
            title[parents], children, scale, ignored=ignored[parents][:, parents]
        )
    narrated = [i for i, row in enumerate(rows) if row.kind == Route.NARRATED]
    if bank is None or len(narrated) < 2 or not bank.ready(config.bank.neighbours):
        return Terms(losses=terms, figures={})
    own = [rows[i] for i in narrated]
    queries = joint(visual[narrated], title[narrated], config.bank.key)
    found = bank.search(
        queries,
        config.bank.neighbours,
        key=config.bank.key,
        video_ids=[row.video_id for row in own],
        channel_ids=[row.channel_id for row in own],
    )
    usable = found.found.any(dim=1).nonzero().flatten().tolist()
    if len(usable) >= 2:
        kept = [narrated[j] for j in usable]
        index, scores = found.index[usable], found.score[usable]
        warmth = config.bank.pool_temperature
        terms["retrieval"] = config.loss.retrieval_weight * losses.retrieval(
            visual[kept],
            title[kept],
            losses.pool_neighbours(scores, bank.visual[index], warmth),
            losses.pool_neighbours(scores, bank.title[index], warmth),
            scale,
            ignored=ignored[kept][:, kept],
        )
    return Terms(losses=terms, figures=_figures(bank, found, own, step))


def _mean_narrations(
    model: OphCLIP, rows: Sequence[Row], config: Config, step: int
) -> torch.Tensor:
    """[len(rows), D]: normalised mean of some narrations of each video, in video-level space."""
    random = generator(config.train.seed, "narrations", step)
    means = []
    for row in rows:
        count = min(config.data.video_narrations, len(row.narrations))
        texts = [row.narrations[i] for i in spread(len(row.narrations), count, random)]
        means.append(model.embed_texts(texts, Level.VIDEO).mean(0))
    return F.normalize(torch.stack(means), dim=-1)


def _ignored(
    model: OphCLIP, rows: Sequence[Row], texts: Sequence[str], config: Config
) -> torch.Tensor:
    """bool [B, B]: pairs that are no negatives of each other: (nearly) the same text, or the same time."""
    same = losses.same_text(texts) | losses.overlapping(
        [row.video_id for row in rows],
        [row.start_s for row in rows],
        [row.end_s for row in rows],
    )
    same = same.to(model.text_centre.device)
    if config.loss.same_text_cosine < 1:
        features = F.normalize(model.text_encoder(texts) - model.text_centre, dim=-1)
        same |= features @ features.T >= config.loss.same_text_cosine
    return same


def _weights(rows: Sequence[Row], config: Config, device: torch.device) -> torch.Tensor | None:
    if not config.loss.use_confidence:
        return None
    return torch.tensor([row.confidence for row in rows], device=device)


def _figures(
    bank: MemoryBank, found: Neighbours, rows: Sequence[Row], step: int
) -> dict[str, float]:
    """How the retrieval fares: filled share, staleness, and how often a neighbour is of the same surgery."""
    figures = {
        "bank_filled": float(bank.filled.float().mean()),
        "bank_age": bank.mean_age(step),
    }
    hits = [
        bool(row.surgeries & bank.surgeries[place])
        for row, places, valid in zip(rows, found.index.tolist(), found.found.tolist(), strict=True)
        for place, is_valid in zip(places, valid, strict=True)
        if is_valid and row.surgeries and bank.surgeries[place]
    ]
    if hits:
        figures["bank_hit_rate"] = sum(hits) / len(hits)
    return figures
