"""Model, optimiser, terms of the loss and data of one run, and what one step does.

A step depends only on the seed, its number and the state that checkpoints hold. Of a batch, each process
encodes its own share, in chunks; embeddings are gathered, and the loss is that of the whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

import torch

from ophclip.data.augment import resize_frames
from ophclip.data.batches import Batch, Batches, ContextSampler, FrameStore, sample_frame_indices
from ophclip.data.corpus import Corpus
from ophclip.data.shards import Sample
from ophclip.errors import CheckpointError
from ophclip.model import weights
from ophclip.model.dual_encoder import OphCLIP
from ophclip.retrieval.memory_bank import MemoryBank
from ophclip.training import checkpoint, encoding
from ophclip.training.config import Config
from ophclip.training.distributed import ProcessGroup
from ophclip.training.divergence import DivergenceCheck
from ophclip.training.ema import MovingAverage
from ophclip.training.gradient_cache import Embeddings, backward
from ophclip.training.optim import Plan, build_optimiser, lr_share
from ophclip.training.run_log import LogFn
from ophclip.training.terms.registry import TERMS
from ophclip.training.terms.term import Encoded, Run, Step, Term, TermLoss
from ophclip.version import __version__
from schemas.vocab import Level

AnyTerm = TypeVar("AnyTerm", bound=Term)

CENTRE_ROWS = 32
CENTRE_FRAMES = 16
"""The mean picture embedding is measured on this many rows, and frames of each."""


class Trainer:
    """One run in one process of `group`."""

    def __init__(
        self, config: Config, corpus: Corpus, *, preset: str, log: LogFn, group: ProcessGroup
    ) -> None:
        self.config = config
        self.corpus = corpus
        self.preset = preset
        self.group = group
        torch.manual_seed(config.train.seed)
        self.model = OphCLIP(config.model).to(group.device).train()
        if self.model.text_encoder.frozen:
            self.model.centre_texts(corpus.texts)
        self.optimiser = build_optimiser(self.model, config.optim)
        self.scaler = torch.amp.GradScaler(
            group.device.type, enabled=config.train.precision == "fp16"
        )
        self.average = (
            MovingAverage(self.model, config.train.ema_decay) if config.train.ema_decay else None
        )
        self.divergence = DivergenceCheck(config.train.stop_above)
        self.store = FrameStore(
            corpus.shards,
            (*corpus.clips, *corpus.video_rows.values()),
            config=config.data,
            side=math.ceil(config.model.image_size * config.data.margin),
        )
        self.batches = self._open_batches()
        self.plan = Plan.build(
            clip_steps=config.train.clip_steps,
            video_steps=config.train.video_steps if Level.VIDEO in self.batches else 0,
            clips_per_epoch=self.batches[Level.CLIP].per_epoch,
            epochs=config.train.epochs,
            max_steps=config.train.max_steps,
        )
        self._log_data(log)
        self.run = Run(
            config=config,
            corpus=corpus,
            store=self.store,
            model=self.model,
            group=group,
        )
        started = [kind.start(self.run, log) for kind in TERMS if kind.level in self.batches]
        self.terms = [term for term in started if term is not None]
        self._log_unused(log)

    def term(self, kind: type[AnyTerm]) -> AnyTerm | None:
        """Return the run's term of a kind; None where it is off."""
        return next((term for term in self.terms if type(term) is kind), None)

    def stream(self, level: Level, start: int) -> Iterator[Batch]:
        """Return the batches of `level` for the steps from `start` to the end."""
        if level not in self.batches:
            return iter(())
        return self.batches[level].stream(
            start=self.plan.done(start, level),
            stop=self.plan.done(self.plan.total, level),
            workers=self.config.data.workers,
        )

    def step(self, number: int, level: Level, batch: Batch) -> dict[str, float]:
        """Take one optimiser step, and return its metrics.

        Raises:
            TrainingError: see `DivergenceCheck`.
        """
        share = lr_share(number, self.plan.total, self.config.optim)
        for group in self.optimiser.param_groups:
            group["lr"] = group["highest_lr"] * share
        self.optimiser.zero_grad(set_to_none=True)
        terms = [term for term in self.terms if term.level is level]
        own = encoding.batch_input(self.run, level, batch, terms, number)
        chunks = encoding.chunks(self.run, own, number)
        step = Step(
            number=number,
            batch=batch,
            embed_batch=lambda: encoding.embed_batch(self.run, own, chunks),
        )
        further = [item for term in terms for item in term.inputs(step)]
        parts = [*chunks]
        for item in further:
            parts += encoding.chunks(self.run, item, number)
        results: list[tuple[Encoded, dict[str, TermLoss], dict[str, float]]] = []

        def loss(embeddings: Embeddings) -> torch.Tensor:
            encoded = encoding.encoded(self.run, level, batch, [own, *further], embeddings)
            losses = {term.name: term.loss(step, encoded) for term in terms}
            tensors = {name: each.loss for name, each in losses.items() if each.loss is not None}
            values = {name: float(tensor.detach()) for name, tensor in tensors.items()}
            self.divergence.check(number, level, values, batch.rows)
            results.append((encoded, losses, values))
            return torch.stack(list(tensors.values())).sum()

        backward(parts, loss, scale=self.scaler.scale)
        ((encoded, losses, values),) = results
        norm = self._update(number)
        for term in terms:
            term.finish(step, encoded)
        return {
            "loss": sum(values.values()),
            **{f"loss_{name}": value for name, value in values.items()},
            "lr": self.config.optim.lr * share,
            "logit_scale": float(self.model.logit_scale(level).detach()),
            "gradient_norm": norm,
            **{name: value for each in losses.values() for name, value in each.metrics.items()},
        }

    def save(self, run: Path, done: int) -> Path:
        """Write the checkpoint of the state after `done` steps; every process must call it."""
        return self.group.from_main(lambda: self._save(run, done))

    def restore(self, run: Path) -> int:
        """Load the run's newest checkpoint; return the number of finished steps.

        Raises:
            CheckpointError: there is none, it is damaged, or it was trained on other shards or videos.
        """
        folder = weights.find(run)
        weights.verify(folder)
        state, _ = weights.read(folder)
        if state.data_fingerprint != self.corpus.shards.fingerprint:
            raise CheckpointError(
                f"{folder} was trained on other shards than {self.corpus.shards.files[0].parent}; "
                "give those shards, or start a new run without --resume"
            )
        if state.bank_videos != self.bank_videos:
            raise CheckpointError(
                f"the memory banks of {folder} hold {len(state.bank_videos)} silent videos that are not the "
                f"{len(self.bank_videos)} of these shards; resume with the shards and the version that the "
                "run was started with"
            )
        weights.load_weights(folder, self.model, state)
        checkpoint.load_training(folder, training=self._training())
        return state.step

    @property
    def banks(self) -> Mapping[str, MemoryBank]:
        """Return the memory banks of all terms, by the name that checkpoints know."""
        return {name: bank for term in self.terms for name, bank in term.banks.items()}

    @property
    def bank_videos(self) -> tuple[str, ...]:
        """Return the silent videos that the memory banks hold."""
        silent = {row.video_id for row in self.corpus.silent_videos}
        held = (video for bank in self.banks.values() for video in bank.video_ids)
        return tuple(dict.fromkeys(video for video in held if video in silent))

    def _training(self) -> checkpoint.Training:
        return checkpoint.Training(
            model=self.model,
            optimiser=self.optimiser,
            scaler=self.scaler,
            average=self.average,
            banks=self.banks,
        )

    def _save(self, run: Path, done: int) -> Path:
        state = weights.CheckpointState(
            step=done,
            clip_batches=self.plan.done(done, Level.CLIP),
            video_batches=self.plan.done(done, Level.VIDEO),
            data_fingerprint=self.corpus.shards.fingerprint,
            clips=len(self.corpus.clips),
            silent_videos=len(self.corpus.silent_videos),
            train_videos=self.corpus.video_ids,
            bank_videos=self.bank_videos,
            frozen_sha256=weights.frozen_sha256(self.model),
            preset=self.preset,
            ophclip_version=__version__,
            torch_version=str(torch.__version__),
        )
        with self.average.applied(self.model) if self.average else nullcontext():
            self._centre_images()
            tensors = weights.trainable_state(self.model)
        return checkpoint.save(
            run,
            state=state,
            config=self.config,
            weights=tensors,
            training=self._training(),
            keep=self.config.train.keep_checkpoints,
        )

    def _update(self, step: int) -> float:
        """Change the weights by their gradients; return the gradients' norm."""
        learning = [p for group in self.optimiser.param_groups for p in group["params"]]
        self.group.average_gradients(learning)
        self.scaler.unscale_(self.optimiser)
        norm = torch.nn.utils.clip_grad_norm_(learning, self.config.optim.clip_norm or math.inf)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.model.clamp_scales()
        if self.average is not None:
            self.average.update(self.model, step)
        return float(norm)

    @torch.no_grad()
    def _centre_images(self) -> None:
        """Measure the direction that all training pictures share, on frames of some videos."""
        rows = (self.corpus.videos + self.corpus.titled_silent_videos) or self.corpus.clips
        rows = tuple(rows[i] for i in sample_frame_indices(len(rows), min(len(rows), CENTRE_ROWS)))
        frames = torch.cat(
            [
                self.store.frames(row, sample_frame_indices(len(row.frame_times_s), CENTRE_FRAMES))
                for row in rows
            ]
        )
        self.model.eval()
        self.model.centre_images(
            resize_frames(frames.to(self.group.device), side=self.config.model.image_size)
        )
        self.model.train()

    def _open_batches(self) -> dict[Level, Batches]:
        """Return the batches of each level; without those of videos where too few have a title."""
        config, corpus = self.config, self.corpus
        batches = {Level.CLIP: self._batches(Level.CLIP, corpus.clips)}
        titled = corpus.videos + (corpus.titled_silent_videos if config.loss.silent_titles else ())
        if config.train.video_steps > 0 and len(titled) >= max(2, self.group.size):
            batches[Level.VIDEO] = self._batches(Level.VIDEO, titled)
        return batches

    def _batches(self, level: Level, rows: Sequence[Sample]) -> Batches:
        data = self.config.data
        clips = level is Level.CLIP
        context = None
        if clips and data.context:
            context = ContextSampler(
                videos=self.corpus.video_rows, count=data.context, stride_s=data.context_stride_s
            )
        return Batches(
            rows,
            self.store,
            batch=data.clip_batch if clips else data.video_batch,
            frames=data.clip_frames if clips else data.video_frames,
            seed=self.config.train.seed,
            shuffle_groups=data.shuffle_groups,
            name=level,
            partition=self.group.share,
            processes=self.group.size,
            context=context,
        )

    def _log_data(self, log: LogFn) -> None:
        corpus, data = self.corpus, self.config.data
        processes = f", {self.group.size} processes" if self.group.size > 1 else ""
        log(
            f"{len(corpus.clips)} clips, {len(corpus.videos)} narrated and "
            f"{len(corpus.titled_silent_videos)} silent videos with a title; "
            f"{self.plan.total} steps on {self.group.device}{processes}"
        )
        for level, size in ((Level.CLIP, data.clip_batch), (Level.VIDEO, data.video_batch)):
            if level not in self.batches:
                log("fewer than 2 videos with a title, or video_steps = 0: no video level")
                continue
            batches = self.batches[level]
            if batches.batch < size:
                log(
                    f"only {batches.batch} {level} rows: batches of {batches.batch} instead of {size}"
                )
            if batches.left_out:
                log(
                    f"each epoch leaves out {batches.left_out} of {len(batches.rows)} {level} rows "
                    f"(less than a batch of {batches.batch}), others every time"
                )

    def _log_unused(self, log: LogFn) -> None:
        """Say so where the dataset has silent videos and no term of the run learns from them."""
        silent = len(self.corpus.silent_videos)
        if silent and not any(term.uses_silent_videos() for term in self.terms):
            settings = sorted(kind.silent_setting for kind in TERMS if kind.silent_setting)
            log(
                f"no term learns from the {silent} silent videos; "
                f"{', '.join(settings[:-1])} and {settings[-1]} would use them"
            )
