"""What one batch is asked to learn: embeddings of its parts, and the loss terms over all of it.

clip step:   InfoNCE(clip, narration) + w_p InfoNCE(run of clips of one phase, mean of its narrations)
             + w_c silent windows with narrations carried over to them
video step:  InfoNCE(video, title) + w_pc InfoNCE(title, mean of its narrations) + w_o order + w_r retrieval

`encode_*` turn the pictures and texts of some items into embeddings by name; `*_terms` turn the
embeddings of the whole batch, of all processes, into weighted loss terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from ophclip.config import BankConfig, Config
from ophclip.data.batches import ContextTimes, generator, sample_frame_indices
from ophclip.data.phase_runs import PhaseRun
from ophclip.data.shards import Sample
from ophclip.losses import contrastive
from ophclip.losses.pseudo_labels import carried, carry_over
from ophclip.losses.soft_dtw import order_loss
from ophclip.model.dual_encoder import OphCLIP
from ophclip.retrieval.memory_bank import MemoryBank, Neighbours, joint
from schemas.vocab import Level, Route

Embeddings = Mapping[str, torch.Tensor]

_ORDER_GAMMA = 0.1
_ORDER_MARGIN = 0.1
"""Softness and margin of the order term, in cost a frame."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The weighted loss terms of one step, and figures that are only logged."""

    losses: dict[str, torch.Tensor]
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Retrieved:
    """The silent neighbours of a batch: of the rows `asking`, which are numbers in the batch."""

    asking: tuple[int, ...]
    found: Neighbours


def encode_clips(
    model: OphCLIP, frames: torch.Tensor, texts: Sequence[str], context: ContextTimes
) -> Embeddings:
    """Clips [b, F + N, 3, s, s] in [0, 1], the last N around them, and their narrations."""
    return {
        "visual": _embed_clips(model, frames, context),
        "text": model.embed_texts(texts, Level.CLIP),
    }


def encode_runs(
    model: OphCLIP, frames: torch.Tensor, runs: Sequence[PhaseRun], *, config: Config, step: int
) -> Embeddings:
    """Runs of clips of one phase, [b, F, 3, s, s] in [0, 1], and the mean of their narrations."""
    narrations = [(run.key, run.narrations) for run in runs]
    return {
        "run": model.embed_frames(frames, Level.CLIP),
        "run_text": _mean(*_narrations(model, narrations, Level.CLIP, config, step)),
    }


def encode_windows(model: OphCLIP, frames: torch.Tensor, context: ContextTimes) -> Embeddings:
    """Windows of silent videos, [b, F + N, 3, s, s] in [0, 1], the last N around them."""
    return {"window": _embed_clips(model, frames, context)}


def encode_videos(
    model: OphCLIP, frames: torch.Tensor, rows: Sequence[Sample], *, config: Config, step: int
) -> Embeddings:
    """Videos [b, F, 3, s, s] in [0, 1], their titles, and what the further terms need."""
    features = model.frame_features(frames)
    made = {
        "visual": model.project_images(model.pool_frames(features), Level.VIDEO),
        "title": model.embed_texts([row.title or "" for row in rows], Level.VIDEO),
    }
    if config.loss.parent_child_weight or config.loss.order_weight:
        narrations = [(row.video_id, row.narrations) for row in rows]
        said, is_said = _narrations(model, narrations, Level.VIDEO, config, step)
        if config.loss.parent_child_weight:
            made["narrations"] = _mean(said, is_said)
        if config.loss.order_weight:
            made["frames"] = model.project_images(features, Level.VIDEO)
            made["said"], made["is_said"] = said, is_said
    return made


def _embed_clips(model: OphCLIP, frames: torch.Tensor, context: ContextTimes) -> torch.Tensor:
    features = model.frame_features(frames)
    own = features.shape[1] - context.offsets_s.shape[1]
    return model.embed_clips(features[:, :own], features[:, own:], context.offsets_s, context.mask)


def encode_neighbours(model: OphCLIP, frames: torch.Tensor, rows: Sequence[Sample]) -> Embeddings:
    """Silent neighbours [b, F, 3, s, s] in [0, 1], and their titles."""
    return {
        "neighbour_visual": model.embed_frames(frames, Level.VIDEO),
        "neighbour_title": model.embed_texts([row.title or "" for row in rows], Level.VIDEO),
    }


def clip_terms(
    model: OphCLIP,
    made: Embeddings,
    rows: Sequence[Sample],
    *,
    config: Config,
    runs: Sequence[PhaseRun],
    narrated: MemoryBank | None,
    narrations: Sequence[str],
) -> Terms:
    """The clip level's terms.

    Args:
        made: of `encode_clips` for all B rows, of `encode_runs` for `runs`, and of `encode_windows` where
            narrations are carried over.
        runs: of which the middle level is asked; may be empty.
        narrated, narrations: an entry for each narrated clip, and what is said in it; None where nothing
            is carried over.
    """
    scale = model.logit_scale(Level.CLIP)
    texts = [row.text or "" for row in rows]
    weights = _weights(rows, config, made["visual"].device)
    terms = {
        "clip": contrastive.info_nce(
            made["visual"],
            made["text"],
            scale,
            ignored=_ignored(model, rows, texts, config),
            weights=weights,
        )
    }
    if runs:
        same_phase = contrastive.same_text([run.phase for run in runs]).to(made["run"].device)
        terms["phase"] = config.loss.phase_weight * contrastive.info_nce(
            made["run"], made["run_text"], scale, ignored=same_phase
        )
    if narrated is None or "window" not in made or not narrated.ready(config.carry.neighbours):
        return Terms(losses=terms)
    windows = made["window"]
    everything = torch.arange(len(narrated), device=windows.device)
    labels = carry_over(
        windows,
        narrated.keys(everything, config.carry.key),
        narrated.filled.expand(len(windows), -1),
        temperature=config.carry.temperature,
        keep=config.carry.neighbours,
    )
    borrowed = labels.targets.any(0).nonzero().flatten()
    targets = labels.targets[:, borrowed]
    same = contrastive.same_text([narrations[i] for i in borrowed.tolist()]).to(targets)
    terms["carry"] = config.loss.carry_weight * carried(
        windows,
        narrated.title[borrowed],
        targets,
        labels.weights,
        scale,
        ignored=(targets > 0).to(same) @ same > 0,
    )
    return Terms(losses=terms, figures={"carry_weight": float(labels.weights.mean())})


def video_terms(
    model: OphCLIP,
    made: Embeddings,
    rows: Sequence[Sample],
    *,
    config: Config,
    bank: MemoryBank | None,
    retrieved: Retrieved | None,
    neighbours: Sequence[Sample],
    places: Sequence[int],
    step: int,
) -> Terms:
    """The video level's terms.

    Args:
        made: of `encode_videos` for all B rows, and of `encode_neighbours` for `neighbours`.
        neighbours, places: the silent videos that were encoded anew, and their entries in `bank`; empty
            where neighbours are read from it. Embeddings beyond these only fill up the processes' parts.
    """
    if neighbours:
        renewed = {name: made[name][: len(neighbours)] for name in made if "neighbour_" in name}
        made = {**made, **renewed}
    visual, title, scale = made["visual"], made["title"], model.logit_scale(Level.VIDEO)
    titles = [row.title or "" for row in rows]
    ignored = _ignored(model, rows, titles, config)
    weights = _weights(rows, config, visual.device)
    form = config.bank.form
    terms: dict[str, torch.Tensor] = {}
    if form == "joined" and neighbours:
        everyone = [*rows, *neighbours]
        terms["video"] = contrastive.info_nce(
            torch.cat([visual, made["neighbour_visual"]]),
            torch.cat([title, made["neighbour_title"]]),
            scale,
            ignored=_ignored(model, everyone, [row.title or "" for row in everyone], config),
            weights=_weights(everyone, config, visual.device),
        )
    else:
        terms["video"] = contrastive.info_nce(
            visual, title, scale, ignored=ignored, weights=weights
        )
    parents = [i for i, row in enumerate(rows) if row.narrations]
    if config.loss.parent_child_weight and len(parents) >= 2:
        terms["parent_child"] = config.loss.parent_child_weight * contrastive.info_nce(
            title[parents], made["narrations"][parents], scale, ignored=ignored[parents][:, parents]
        )
    if config.loss.order_weight and parents:
        terms["order"] = config.loss.order_weight * order_loss(
            made["frames"][parents],
            made["said"][parents],
            made["is_said"][parents],
            scale,
            _ORDER_GAMMA,
            _ORDER_MARGIN,
        )
    if bank is None or retrieved is None:
        return Terms(losses=terms)
    usable = retrieved.found.found.any(dim=1).nonzero().flatten().tolist()
    asking = [retrieved.asking[j] for j in usable]
    if form != "joined" and len(usable) >= 2:
        index, scores = retrieved.found.index[usable], retrieved.found.score[usable]
        pictures, names = bank.visual, bank.title
        if neighbours:
            pictures, names = made["neighbour_visual"], made["neighbour_title"]
            index = _renumbered(index, places)
        terms["retrieval"] = config.loss.retrieval_weight * _retrieval(
            visual[asking],
            title[asking],
            pictures,
            names,
            index,
            scores,
            scale,
            config=config.bank,
            ignored=ignored[asking][:, asking],
        )
    return Terms(losses=terms, figures=_figures(bank, retrieved, rows, step))


def retrieve(
    bank: MemoryBank | None,
    visual: torch.Tensor,
    title: torch.Tensor,
    rows: Sequence[Sample],
    *,
    config: Config,
    step: int,
) -> Retrieved | None:
    """The silent neighbours of the narrated rows of a batch; None while there is nothing to choose from."""
    asking = [i for i, row in enumerate(rows) if row.kind == Route.NARRATED]
    if bank is None or len(asking) < 2 or not bank.ready(config.bank.neighbours):
        return None
    found = bank.search(
        joint(visual[asking], title[asking], config.bank.key),
        config.bank.neighbours,
        key=config.bank.key,
        video_ids=[rows[i].video_id for i in asking],
        channel_ids=[rows[i].channel_id for i in asking],
        choice=config.bank.choice,
        generator=generator(config.train.seed, "neighbours", step),
    )
    return Retrieved(asking=tuple(asking), found=found)


def _retrieval(
    visual: torch.Tensor,
    title: torch.Tensor,
    pictures: torch.Tensor,
    names: torch.Tensor,
    index: torch.Tensor,
    scores: torch.Tensor,
    scale: torch.Tensor,
    *,
    config: BankConfig,
    ignored: torch.Tensor,
) -> torch.Tensor:
    """The retrieval term in the form of the config.

    Args:
        visual, title: of the Q videos that ask, [Q, D].
        pictures, names: of all that can be a neighbour, [E, D].
        index, scores: [Q, K], the neighbours' numbers among those E, and how near they are.
    """
    if config.form == "multi_positive":
        weights = contrastive.neighbour_weights(scores, config.pool_temperature)
        chosen, positives = contrastive.neighbour_targets(index, weights)
        return (
            contrastive.multi_positive(visual, names[chosen], positives, scale)
            + contrastive.multi_positive(title, pictures[chosen], positives, scale)
        ) / 2
    pooled_pictures = contrastive.pool_neighbours(scores, pictures[index], config.pool_temperature)
    if config.form == "fused":
        both = contrastive.fused(visual, pooled_pictures, config.fuse_weight)
        return contrastive.info_nce(both, title, scale, ignored=ignored)
    pooled_names = contrastive.pool_neighbours(scores, names[index], config.pool_temperature)
    return contrastive.retrieval(
        visual, title, pooled_pictures, pooled_names, scale, ignored=ignored
    )


def _renumbered(index: torch.Tensor, places: Sequence[int]) -> torch.Tensor:
    """Entries of the bank as numbers among `places`; 0 for what is not there, which was not found."""
    number = {place: i for i, place in enumerate(places)}
    rows = [[number.get(place, 0) for place in row] for row in index.tolist()]
    return torch.tensor(rows, dtype=torch.int64, device=index.device)


def _narrations(
    model: OphCLIP,
    narrations: Sequence[tuple[str, Sequence[str]]],
    level: Level,
    config: Config,
    step: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Some narrations of each item in time order: [b, M, D] in the space of `level`, and bool [b, M].

    Args:
        narrations: of each of b items, a name for its random draw, and all that is said in it.
    """
    most = config.data.video_narrations
    chosen = []
    for key, said in narrations:
        # Of its own for each item, so that it does not depend on how the batch is shared.
        random = generator(config.train.seed, "narrations", step, key)
        chosen.append(
            [said[i] for i in sample_frame_indices(len(said), min(most, len(said)), random)]
        )
    texts = [text for said in chosen for text in said]
    embedded = model.embed_texts(texts or [""], level)
    padded = embedded.new_zeros(len(chosen), most, embedded.shape[1])
    is_said = torch.zeros(len(chosen), most, dtype=torch.bool, device=embedded.device)
    for place, said in enumerate(chosen):
        is_said[place, : len(said)] = True
    padded = padded.masked_scatter(is_said[:, :, None], embedded) if texts else padded
    return padded, is_said


def _mean(said: torch.Tensor, is_said: torch.Tensor) -> torch.Tensor:
    """Direction of the mean of what is said, [b, D]; zeros where nothing is."""
    return F.normalize((said * is_said[:, :, None]).sum(1), dim=-1)


def _ignored(
    model: OphCLIP, rows: Sequence[Sample], texts: Sequence[str], config: Config
) -> torch.Tensor:
    """bool [B, B]: pairs that are no negatives of each other: (nearly) the same text, or the same time."""
    same = contrastive.same_text(texts) | contrastive.overlapping(
        [row.video_id for row in rows],
        [row.start_s for row in rows],
        [row.end_s for row in rows],
    )
    same = same.to(model.text_centre.device)
    if config.loss.same_text_cosine < 1:
        features = F.normalize(model.text_features(texts), dim=-1)
        same |= features @ features.T >= config.loss.same_text_cosine
    return same


def _weights(rows: Sequence[Sample], config: Config, device: torch.device) -> torch.Tensor | None:
    if not config.loss.use_confidence:
        return None
    return torch.tensor([row.confidence for row in rows], device=device)


def _figures(
    bank: MemoryBank, retrieved: Retrieved, rows: Sequence[Sample], step: int
) -> dict[str, float]:
    """How the retrieval fares: filled share, staleness, how often a neighbour shows the same surgery, and how
    many of a video's neighbours are those of the last time."""
    figures = {
        "bank_filled": float(bank.filled.float().mean()),
        "bank_age": bank.mean_age(step),
    }
    asking = [rows[i] for i in retrieved.asking]
    hits = bank.hit_rate(retrieved.found, [row.surgeries for row in asking])
    overlap = bank.overlap(retrieved.found, [row.video_id for row in asking])
    if hits is not None:
        figures["bank_hit_rate"] = hits
    if overlap is not None:
        figures["bank_overlap"] = overlap
    return figures
