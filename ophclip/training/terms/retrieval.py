"""Retrieval from silent videos: their nearest neighbours as further positives (`bank.form`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator

from ophclip.data.augment import resize_frames
from ophclip.data.batches import generator, sample_frame_indices
from ophclip.data.shards import Sample
from ophclip.losses import contrastive
from ophclip.retrieval.memory_bank import Choice, Key, MemoryBank, Neighbours, joint
from ophclip.training.gradient_cache import Embeddings
from ophclip.training.run_log import LogFn
from ophclip.training.terms.term import Encoded, Input, Run, Step, Term, TermLoss
from ophvl.config import Settings, Unit
from schemas.vocab import Level, Route


class RetrievalLoss(Settings):
    """The weight of the term, in section `loss`."""

    retrieval_weight: float = Field(
        0.25, ge=0, description="Weight of retrieval from silent videos (section bank)."
    )


class BankConfig(Settings):
    """Retrieval from silent videos (loss.retrieval_weight)."""

    enabled: bool = Field(False, description="Whether silent videos are retrieved at all.")
    neighbours: Annotated[int, Unit("videos")] = Field(
        2, ge=1, description="Silent videos retrieved for each narrated one."
    )
    choice: Choice = Field(
        "nearest", description='Which are retrieved: the nearest, or any ("random", a control).'
    )
    form: Literal["pooled", "multi_positive", "fused", "joined"] = Field(
        "pooled",
        description='What neighbours are for: "pooled" to one further positive across modalities, each '
        'a positive of its own ("multi_positive"), "fused" into the video\'s embedding, or "joined" to '
        "the batch with their own titles.",
    )
    learns: bool = Field(
        False,
        description="Neighbours are encoded in the step and trained with it, instead of being read from "
        "the bank.",
    )
    fuse_weight: float = Field(
        0.5, ge=0, description="Share of the neighbours in a fused embedding."
    )
    key: Key = Field(
        "joint",
        description="What queries and keys are made of: the visual embedding, the title's, or their sum.",
    )
    pool_temperature: float = Field(
        0.1, gt=0, description="Temperature of the softmax that pools the neighbours."
    )
    refresh: Annotated[int, Unit("videos")] = Field(
        4,
        ge=1,
        description="Silent videos encoded again after each video step, oldest entries first.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.form == "joined" and not self.learns:
            raise ValueError(
                'form "joined" needs learns = true: its neighbours are items of the batch'
            )
        return self


@dataclass(frozen=True, kw_only=True)
class Retrieved:
    """The silent neighbours of Q of a batch's rows: of those numbered `queries`."""

    queries: tuple[int, ...]
    neighbours: Neighbours


@dataclass(frozen=True, kw_only=True)
class Queries:
    """Q videos of a batch with their neighbours, for a form of the term."""

    visual: torch.Tensor
    title: torch.Tensor
    """[Q, D]."""
    neutral_mask: torch.Tensor
    """bool [Q, Q]."""
    entry_visual: torch.Tensor
    entry_title: torch.Tensor
    """[E, D], of all that can be a neighbour."""
    index: torch.Tensor
    scores: torch.Tensor
    """[Q, K], the neighbours' numbers among the entries, and their inner products with the query."""


Form = Callable[[Queries, torch.Tensor, BankConfig], torch.Tensor]


def pooled(queries: Queries, scale: torch.Tensor, settings: BankConfig) -> torch.Tensor:
    """Contrast videos with the pooled titles of their neighbours, and titles with the pooled pictures."""
    return contrastive.retrieval(
        queries.visual,
        queries.title,
        _pool(queries, queries.entry_visual, settings),
        _pool(queries, queries.entry_title, settings),
        scale,
        neutral_mask=queries.neutral_mask,
    )


def multi_positive(queries: Queries, scale: torch.Tensor, settings: BankConfig) -> torch.Tensor:
    """Contrast videos and titles with each neighbour as a weighted positive of its own."""
    weights = contrastive.neighbour_weights(queries.scores, settings.pool_temperature)
    chosen, positives = contrastive.neighbour_targets(queries.index, weights)
    titles, pictures = queries.entry_title[chosen], queries.entry_visual[chosen]
    return (
        contrastive.multi_positive(queries.visual, titles, positives, scale)
        + contrastive.multi_positive(queries.title, pictures, positives, scale)
    ) / 2


def fused(queries: Queries, scale: torch.Tensor, settings: BankConfig) -> torch.Tensor:
    """Contrast titles with videos to which their neighbours' pooled pictures are added."""
    neighbours = _pool(queries, queries.entry_visual, settings)
    both = contrastive.fused(queries.visual, neighbours, settings.fuse_weight)
    return contrastive.info_nce(both, queries.title, scale, neutral_mask=queries.neutral_mask)


FORMS: Mapping[str, Form | None] = {
    "pooled": pooled,
    "multi_positive": multi_positive,
    "fused": fused,
    # The neighbours join the batch in the contrast of videos and titles: no loss of its own.
    "joined": None,
}


class Retrieval(Term):
    """What a video can learn from the silent videos nearest to it.

    The bank holds an embedding of every silent video with a title. Neighbours are read from it, or encoded
    in the step so that the gradient reaches them (`bank.learns`).
    """

    level = Level.VIDEO
    name = "retrieval"
    loss_keys = RetrievalLoss
    sections: ClassVar = {"bank": BankConfig}
    silent_setting = "bank.enabled"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.silent = run.corpus.titled_silent_videos
        self.bank = MemoryBank.of_rows(
            self.silent, dim=run.config.model.embedding_dim, device=run.group.device
        )
        self._retrieved: Retrieved | None = None
        self._encoded_entries: tuple[int, ...] = ()

    @classmethod
    def start(cls, run: Run, log: LogFn) -> Self | None:
        """Return the term; None with the reason in `log` where it is off."""
        reason = _why_off(run)
        if reason:
            log(f"retrieval is off: {reason}")
            return None
        return cls(run)

    @property
    def banks(self) -> Mapping[str, MemoryBank]:
        """Return the bank of silent videos."""
        return {"silent": self.bank}

    def inputs(self, step: Step) -> Sequence[Input]:
        """Return the neighbours that are encoded in this step (`bank.learns`)."""
        self._retrieved, self._encoded_entries = None, ()
        settings = self.config.get(BankConfig)
        if not settings.learns or not self.bank.ready(settings.neighbours):
            return ()
        batch = step.embed_batch()
        self._retrieved = self.search(
            batch["visual"], batch["text"], step.batch.rows, step=step.number
        )
        if self._retrieved is None:
            return ()
        self._encoded_entries = tuple(sorted(frozenset().union(*self._retrieved.neighbours.sets())))
        rows = tuple(self.silent[entry] for entry in self._encoded_entries)
        if not rows:
            return ()
        own = self.run.group.share_of(rows)

        def encode(items: slice, pictures: torch.Tensor) -> Embeddings:
            model, titles = self.run.model, [row.title or "" for row in own[items]]
            return {
                "visual": model.embed_frames(pictures, self.level),
                "text": model.embed_texts(titles, self.level),
            }

        return [
            Input(
                name="neighbour",
                count=len(rows),
                frames=self.frames(step.number, own),
                encode=encode,
                joins=rows if settings.form == "joined" else (),
            )
        ]

    def loss(self, step: Step, encoded: Encoded) -> TermLoss:
        """Return the loss in the form of the settings, and how retrieval fares."""
        batch = encoded.batch
        retrieved = self._retrieved or self.search(
            batch.visual, batch.text, batch.rows, step=step.number
        )
        if retrieved is None:
            return TermLoss()
        metrics = self._metrics(retrieved, batch.rows, step.number)
        form = FORMS[self.config.get(BankConfig).form]
        neighbours = retrieved.neighbours
        usable = neighbours.mask.any(dim=1).nonzero().flatten().tolist()
        if form is None or len(usable) < 2:
            return TermLoss(metrics=metrics)
        rows = [retrieved.queries[number] for number in usable]
        index = neighbours.index[usable]
        entry_visual, entry_title = self.bank.visual, self.bank.title
        if "neighbour" in encoded.inputs:
            entry_visual, entry_title = (encoded.inputs["neighbour"][k] for k in ("visual", "text"))
            index = _renumber(index, self._encoded_entries)
        queries = Queries(
            visual=batch.visual[rows],
            title=batch.text[rows],
            neutral_mask=batch.neutral_mask[rows][:, rows],
            entry_visual=entry_visual,
            entry_title=entry_title,
            index=index,
            scores=neighbours.score[usable],
        )
        loss = form(queries, encoded.scale, self.config.get(BankConfig))
        return TermLoss(
            loss=self.config.get(RetrievalLoss).retrieval_weight * loss, metrics=metrics
        )

    def finish(self, step: Step, encoded: Encoded) -> None:
        """Encode the bank's oldest entries again."""
        del encoded
        self.refresh(step.number)

    def search(
        self, visual: torch.Tensor, title: torch.Tensor, rows: Sequence[Sample], *, step: int
    ) -> Retrieved | None:
        """Return the neighbours of a batch's narrated rows; None while there is nothing to choose from."""
        settings = self.config.get(BankConfig)
        queries = [i for i, row in enumerate(rows) if row.kind == Route.NARRATED]
        if len(queries) < 2 or not self.bank.ready(settings.neighbours):
            return None
        neighbours = self.bank.search(
            joint(visual[queries], title[queries], settings.key),
            settings.neighbours,
            key=settings.key,
            video_ids=[rows[i].video_id for i in queries],
            channel_ids=[rows[i].channel_id for i in queries],
            choice=settings.choice,
            generator=generator(self.config.train.seed, "neighbours", step),
        )
        return Retrieved(queries=tuple(queries), neighbours=neighbours)

    def frames(self, step: int, rows: Sequence[Sample]) -> torch.Tensor:
        """Return pictures of silent videos, uint8 [b, F, 3, S, S]."""
        count, seed = self.config.data.video_frames, self.config.train.seed
        return torch.stack(
            [
                self.run.store.frames(
                    row,
                    sample_frame_indices(
                        len(row.frame_times_s),
                        count,
                        generator(seed, "neighbours", step, row.video_id),
                    ),
                )
                for row in rows
            ]
        )

    @torch.no_grad()
    def refresh(self, step: int) -> None:
        """Encode the bank's oldest entries again with the present model, each process its share of them."""
        group, entries = self.run.group, self.bank.oldest(self.config.get(BankConfig).refresh)
        visual, title = self.embed([self.silent[entry] for entry in group.share_of(entries)])
        written = len(entries)
        self.bank.write(
            entries, group.gather(visual)[:written], group.gather(title)[:written], step=step
        )

    @torch.no_grad()
    def embed(self, rows: Sequence[Sample]) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed pictures and titles of videos, [B, D] each, as the bank holds them: without augmentation."""
        run, count = self.run, self.config.data.video_frames
        frames = torch.stack(
            [
                run.store.frames(row, sample_frame_indices(len(row.frame_times_s), count))
                for row in rows
            ]
        ).to(run.group.device)
        run.model.eval()
        visual = run.model.embed_frames(
            resize_frames(frames, side=self.config.model.image_size), self.level
        )
        title = run.model.embed_texts([row.title or "" for row in rows], self.level)
        run.model.train()
        return visual, title

    def _metrics(self, retrieved: Retrieved, rows: Sequence[Sample], step: int) -> dict[str, float]:
        """Return how retrieval fares: filled share and age of the bank, how often a neighbour shows the same
        surgery, and how many of a video's neighbours are those of the last search.
        """
        metrics = {
            "bank_filled": float(self.bank.filled.float().mean()),
            "bank_age": self.bank.mean_age(step),
        }
        queries = [rows[i] for i in retrieved.queries]
        hits = self.bank.hit_rate(retrieved.neighbours, [row.surgeries for row in queries])
        overlap = self.bank.overlap(retrieved.neighbours, [row.video_id for row in queries])
        if hits is not None:
            metrics["bank_hit_rate"] = hits
        if overlap is not None:
            metrics["bank_overlap"] = overlap
        return metrics


def _why_off(run: Run) -> str | None:
    bank, silent = run.config.get(BankConfig), len(run.corpus.titled_silent_videos)
    if not bank.enabled:
        return "bank.enabled is false"
    if not run.config.get(RetrievalLoss).retrieval_weight:
        return "loss.retrieval_weight is 0"
    if silent <= bank.neighbours:
        return f"{silent} silent videos with a title, but it needs more than {bank.neighbours}"
    return None


def _pool(queries: Queries, values: torch.Tensor, settings: BankConfig) -> torch.Tensor:
    """One embedding for each query, [Q, D], of its neighbours' `values` [E, D]."""
    return contrastive.pool_neighbours(
        queries.scores, values[queries.index], settings.pool_temperature
    )


def _renumber(index: torch.Tensor, entries: Sequence[int]) -> torch.Tensor:
    """Entries of the bank as numbers among `entries`; 0 where a query has fewer neighbours."""
    number = {entry: i for i, entry in enumerate(entries)}
    rows = [[number.get(entry, 0) for entry in row] for row in index.tolist()]
    return torch.tensor(rows, dtype=torch.int64, device=index.device)
