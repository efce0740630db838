"""What a term of the loss is, and what it gets: the run, each step, and the embeddings of the whole batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Self

import torch
import torch.nn.functional as F

from ophclip.data.batches import Batch, FrameStore
from ophclip.data.corpus import Corpus
from ophclip.data.shards import Sample
from ophclip.losses import contrastive
from ophclip.model.dual_encoder import OphCLIP
from ophclip.retrieval.memory_bank import MemoryBank
from ophclip.training.config import Config
from ophclip.training.distributed import ProcessGroup
from ophclip.training.gradient_cache import Embeddings
from ophclip.training.run_log import LogFn
from ophclip.training.terms.embed import Narrations, embed_narrations
from ophvl.config import Settings
from schemas.vocab import Level


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a term may use of the run that it belongs to."""

    config: Config
    corpus: Corpus
    store: FrameStore
    model: OphCLIP
    group: ProcessGroup


class Term(ABC):
    """A term of the loss of one level's steps.

    A term's file holds everything about it, its settings too: their defaults leave the term switched off. To
    add a term, write a subclass in a file of its own and name it in `ophclip/training/terms/registry.py`;
    nothing else knows the terms.

    The trainer calls, for each term of a run:

    1. `start`, once, where the run trains the term's `level`: is it switched on? Returns the term, or None.
    2. In each step of the term's `level`:
       `inputs`  the items that must be encoded besides the step's own batch, such as silent windows;
       `encode`  what the term needs of the batch's own items beyond their pictures and texts;
       `loss`    the weighted loss, given the embeddings of all processes, and further metrics;
       `finish`  after the weights have changed: update what the term remembers.
    3. `banks`, for checkpoints: the memory banks that the term owns, by the name that checkpoints know.

    Embeddings pass through gradient caching and are gathered from all processes: `inputs` and `encode` run
    on one process's share, `loss` sees all of it. `encode` and an input's `encode` are called twice in a step
    and must give the same both times: draw at random only from `generator(seed, ..., step, item)`. Within a
    step the calls come in the order above, so a term may keep in `inputs` what its `loss` needs.
    """

    level: ClassVar[Level]
    name: ClassVar[str]
    """Logged as `loss_<name>`. The term named as its level is the main one, which divergence is judged by."""
    loss_keys: ClassVar[type[Settings] | None] = None
    """The term's keys of section `loss`, such as its weight. It reads them by `config.get(<the class>)`."""
    sections: ClassVar[Mapping[str, type[Settings]]] = {}
    """Sections of the config that are the term's own, by name."""
    silent_setting: ClassVar[str | None] = None
    """The setting that makes the term learn from silent videos, for a message where none does."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.config = run.config

    @classmethod
    @abstractmethod
    def start(cls, run: Run, log: LogFn) -> Self | None:
        """Return the term of a run; None where it is off, with a line in `log` if that may surprise."""

    @property
    def banks(self) -> Mapping[str, MemoryBank]:
        """Return the term's memory banks, which checkpoints hold."""
        return {}

    def uses_silent_videos(self) -> bool:
        """Return whether the term learns from silent videos in this run."""
        return self.silent_setting is not None

    def inputs(self, step: Step) -> Sequence[Input]:
        """Return what to encode in this step besides the batch."""
        del step
        return ()

    def encode(self, items: BatchItems) -> Embeddings:
        """Return further embeddings of some of the batch's own items, each tensor [b, ...]."""
        del items
        return {}

    @abstractmethod
    def loss(self, step: Step, encoded: Encoded) -> TermLoss:
        """Return the term's loss over the whole batch."""

    def finish(self, step: Step, encoded: Encoded) -> None:
        """Update the term's state after the optimiser's step."""
        del step, encoded


@dataclass(frozen=True, kw_only=True)
class TermLoss:
    """A term's weighted loss, None where a step has nothing to compare, and metrics that are only logged."""

    loss: torch.Tensor | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: its number, and its batch."""

    number: int
    batch: Batch
    embed_batch: Callable[[], Embeddings]
    """Embeds the whole batch as it will be embedded in this step, without gradient: `visual` and `text`."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """Items to encode: the step's own batch, or what a term needs besides it.

    Of `count` items in all, `frames` holds the pictures of this process's share (`ProcessGroup.share_of`).
    """

    name: str
    """The key of the embeddings in `Encoded.inputs`, and of the items' random draws."""
    count: int
    frames: torch.Tensor
    """uint8 [b, F, 3, S, S]."""
    encode: Callable[[slice, torch.Tensor], Embeddings]
    """Embeddings of a slice of the share from its augmented pictures, [b, F, 3, s, s] in [0, 1]."""
    joins: tuple[Sample, ...] = ()
    """The items' rows where they join the batch in its contrast; `encode` then gives `visual` and `text`."""


@dataclass(frozen=True, kw_only=True)
class BatchItems:
    """Some of the items of a batch while they are encoded."""

    run: Run
    step: int
    level: Level
    rows: Sequence[Sample]
    features: torch.Tensor
    """Of the items' own pictures, [b, F, W]."""

    @cached_property
    def narrations(self) -> Narrations:
        """Some of the narrations of each video, in time order."""
        said = [(row.video_id, row.narrations) for row in self.rows]
        return embed_narrations(
            self.run.model, said, self.level, config=self.run.config, step=self.step
        )


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """B items with an embedding [B, D] of their pictures and one of their text."""

    run: Run
    level: Level
    rows: Sequence[Sample]
    visual: torch.Tensor
    text: torch.Tensor

    @cached_property
    def neutral_mask(self) -> torch.Tensor:
        """bool [B, B], True for items that are no negatives of each other: (nearly) one text, or one time."""
        config, model = self.run.config, self.run.model
        texts = [text_of(row, self.level) for row in self.rows]
        mask = contrastive.same_text(texts) | contrastive.overlapping(
            [row.video_id for row in self.rows],
            [row.start_s for row in self.rows],
            [row.end_s for row in self.rows],
        )
        mask = mask.to(model.text_centre.device)
        if config.loss.same_text_cosine < 1:
            features = F.normalize(model.text_features(texts), dim=-1)
            mask |= features @ features.T >= config.loss.same_text_cosine
        return mask

    @property
    def weights(self) -> torch.Tensor | None:
        """Each pair's share in the mean, [B]; None for equal shares."""
        if not self.run.config.loss.use_confidence:
            return None
        return torch.tensor([row.confidence for row in self.rows], device=self.visual.device)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """The embeddings of a step, of all processes."""

    scale: torch.Tensor
    """The logit scale of the level, 1 / temperature."""
    batch: Pairs
    joined: Pairs
    """The batch with the inputs that join it; the batch itself where none does."""
    further: Embeddings
    """What the terms' `encode` gave for the batch's items, by name."""
    inputs: Mapping[str, Embeddings]
    """Embeddings of the terms' inputs, by the input's name."""


def text_of(row: Sample, level: Level) -> str:
    """Return the text that a row meets at a level: its narration, or its title."""
    return (row.text if level is Level.CLIP else row.title) or ""
