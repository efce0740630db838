"""Model, optimiser, memory banks and data of one run, and what one step does.

A step depends only on the seed, its number and the state that checkpoints hold. Of a batch, each process
encodes its own part, in chunks; embeddings are gathered, and the loss is that of the whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

import torch

from ophclip.config import Config
from ophclip.data.augment import augment, crop_text, draw_augmentation, resize_frames
from ophclip.data.batches import (
    Batch,
    Batches,
    ContextSampler,
    FrameStore,
    generator,
    sample_frame_indices,
)
from ophclip.data.corpus import Corpus
from ophclip.data.sampler import Sampler
from ophclip.data.shards import Sample
from ophclip.errors import CheckpointError
from ophclip.model import weights
from ophclip.model.dual_encoder import OphCLIP
from ophclip.retrieval.memory_bank import MemoryBank
from ophclip.training import checkpoint, objective
from ophclip.training.distributed import World
from ophclip.training.divergence import Watch
from ophclip.training.ema import MovingAverage
from ophclip.training.gradient_cache import Embeddings, Part, backward
from ophclip.training.objective import Retrieved, Terms
from ophclip.training.optim import Plan, build_optimiser, lr_share
from ophclip.version import __version__
from schemas.vocab import Level

Say = Callable[[str], None]
T = TypeVar("T")

CENTRE_ROWS = 32
CENTRE_FRAMES = 16
"""The mean picture embedding is measured on this many rows, and frames of each."""

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Trainer:
    """One run in one process of `world`."""

    def __init__(
        self, config: Config, corpus: Corpus, *, preset: str, say: Say, world: World
    ) -> None:
        self.config = config
        self.corpus = corpus
        self.preset = preset
        self.world = world
        self.device = world.device
        torch.manual_seed(config.train.seed)
        self.model = OphCLIP(config.model).to(self.device).train()
        if self.model.text_encoder.frozen:
            self.model.centre_texts(corpus.texts)
        self.optimiser = build_optimiser(self.model, config.optim)
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=config.train.precision == "fp16"
        )
        self.average = (
            MovingAverage(self.model, config.train.ema_decay) if config.train.ema_decay else None
        )
        self.watch = Watch(config.train.stop_above)
        self.store = FrameStore(
            corpus.shards,
            (*corpus.clips, *corpus.video_rows.values()),
            config=config.data,
            side=math.ceil(config.model.image_size * config.data.margin),
        )
        self.sampler = Sampler(config=config, corpus=corpus, store=self.store)
        self.batches = {Level.CLIP: self._batches(Level.CLIP, corpus.clips)}
        titled = corpus.videos + (corpus.titled_silent_videos if config.loss.silent_titles else ())
        has_videos = config.train.video_steps > 0 and len(titled) >= max(2, world.size)
        if has_videos:
            self.batches[Level.VIDEO] = self._batches(Level.VIDEO, titled)
        self.bank = self._bank() if has_videos else None
        self.narrated = self._narrated_bank()
        self.plan = Plan.build(
            clip_steps=config.train.clip_steps,
            video_steps=config.train.video_steps if has_videos else 0,
            clips_per_epoch=self.batches[Level.CLIP].per_epoch,
            epochs=config.train.epochs,
            max_steps=config.train.max_steps,
        )
        self._tell(say)

    def stream(self, level: Level, start: int) -> Iterator[Batch]:
        """The batches of `level` for the steps from `start` to the end."""
        if level not in self.batches:
            return iter(())
        return self.batches[level].stream(
            start=self.plan.done(start, level),
            stop=self.plan.done(self.plan.total, level),
            workers=self.config.data.workers,
        )

    def step(self, step: int, level: Level, batch: Batch) -> dict[str, float]:
        """One optimiser step; returns what is logged of it.

        Raises:
            TrainingError: see `Watch`.
        """
        config, world = self.config, self.world
        share = lr_share(step, self.plan.total, config.optim)
        for group in self.optimiser.param_groups:
            group["lr"] = group["highest_lr"] * share
        self.optimiser.zero_grad(set_to_none=True)
        if level is Level.CLIP:
            parts, terms_of = self._clip_step(step, batch)
        else:
            parts, terms_of = self._video_step(step, batch)
        seen: list[tuple[Embeddings, Terms, dict[str, float]]] = []

        def loss(own: Embeddings) -> torch.Tensor:
            made = {name: world.gather(tensor) for name, tensor in own.items()}
            terms = terms_of(made)
            told = {name: float(term.detach()) for name, term in terms.losses.items()}
            self.watch.check(step, level, told, batch.rows)
            seen.append((made, terms, told))
            return torch.stack(list(terms.losses.values())).sum()

        backward(parts, loss, scale=self.scaler.scale)
        ((made, terms, told),) = seen
        learning = [p for group in self.optimiser.param_groups for p in group["params"]]
        world.average_gradients(learning)
        self.scaler.unscale_(self.optimiser)
        norm = torch.nn.utils.clip_grad_norm_(learning, config.optim.clip_norm or math.inf)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.model.clamp_scales()
        if self.average is not None:
            self.average.update(self.model, step)
        if level is Level.VIDEO and self.bank is not None:
            self._refresh(self.bank, step)
        if level is Level.CLIP and self.narrated is not None:
            self.narrated.write(
                [self.corpus.clip_index(row) for row in batch.rows],
                made["visual"],
                made["text"],
                step=step,
            )
        return {
            "loss": sum(told.values()),
            **{f"loss_{name}": value for name, value in told.items()},
            "lr": config.optim.lr * share,
            "logit_scale": float(self.model.logit_scale(level).detach()),
            "gradient_norm": float(norm),
            **terms.figures,
        }

    def save(self, run: Path, done: int) -> Path:
        """Write the checkpoint of the state after `done` steps; every process must call it."""
        return self.world.from_main(lambda: self._save(run, done))

    def restore(self, run: Path) -> int:
        """Load the run's newest checkpoint; return the number of finished steps.

        Raises:
            CheckpointError: there is none, it is damaged, or it was trained on other shards.
        """
        folder = weights.find(run)
        weights.verify(folder)
        state, _ = weights.read(folder)
        if state.data_fingerprint != self.corpus.shards.fingerprint:
            raise CheckpointError(
                f"{folder} was trained on other shards than {self.corpus.shards.files[0].parent}; "
                "give those shards, or start a new run without --resume"
            )
        weights.load_weights(folder, self.model, state)
        checkpoint.load_training(folder, state=state, training=self._training())
        return state.step

    def _training(self) -> checkpoint.Training:
        banks = {"silent": self.bank, "narrated": self.narrated}
        return checkpoint.Training(
            model=self.model,
            optimiser=self.optimiser,
            scaler=self.scaler,
            average=self.average,
            banks={name: bank for name, bank in banks.items() if bank is not None},
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
            bank_videos=self.bank.video_ids if self.bank is not None else (),
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

    def _clip_step(
        self, step: int, batch: Batch
    ) -> tuple[list[Part], Callable[[Embeddings], Terms]]:
        """The parts to encode for a clip step, and the terms of what comes out."""
        seed, changes = self.config.train.seed, self.config.augment
        texts = [
            crop_text(
                row.text or "", config=changes, random=generator(seed, "text", step, row.pair_id)
            )
            for row in batch.rows[batch.local]
        ]

        def encode(items: slice, frames: torch.Tensor) -> Embeddings:
            return objective.encode_clips(
                self.model, frames, texts[items], batch.context.select(items)
            )

        parts = self._parts(step, "clip", len(batch.rows), batch.frames, encode)
        runs = self.sampler.runs(step, processes=self.world.size)
        if runs:
            shared = runs[self.world.part(len(runs))]
            parts += self._parts(
                step,
                "run",
                len(runs),
                self.sampler.run_frames(step, shared),
                lambda items, pictures: objective.encode_runs(
                    self.model, pictures, shared[items], config=self.config, step=step
                ),
            )
        if self.narrated is not None and self.narrated.ready(self.config.carry.neighbours):
            count = self.config.carry.windows // self.world.size * self.world.size
            frames, near = self.sampler.windows(step, count, self.world.part(count))
            parts += self._parts(
                step,
                "window",
                count,
                frames,
                lambda items, pictures: objective.encode_windows(
                    self.model, pictures, near.select(items)
                ),
            )
        return parts, lambda made: objective.clip_terms(
            self.model,
            made,
            batch.rows,
            config=self.config,
            runs=runs,
            narrated=self.narrated,
            narrations=self.corpus.narrations,
        )

    def _video_step(
        self, step: int, batch: Batch
    ) -> tuple[list[Part], Callable[[Embeddings], Terms]]:
        """The same for a video step. Neighbours that learn are found before, and encoded with the rest."""
        own, config = batch.rows[batch.local], self.config

        def encode(items: slice, frames: torch.Tensor) -> Embeddings:
            return objective.encode_videos(self.model, frames, own[items], config=config, step=step)

        parts = self._parts(step, "video", len(batch.rows), batch.frames, encode)
        retrieved: Retrieved | None = None
        neighbours: tuple[Sample, ...] = ()
        places: tuple[int, ...] = ()
        if config.bank.learns and self.bank is not None:
            with torch.no_grad():
                asked = [part() for part in parts]
            visual, title = (
                self.world.gather(torch.cat([made[name] for made in asked]))
                for name in ("visual", "title")
            )
            retrieved = objective.retrieve(
                self.bank, visual, title, batch.rows, config=config, step=step
            )
            if retrieved is not None:
                places = tuple(sorted(frozenset().union(*retrieved.found.sets())))
                neighbours = tuple(self.corpus.titled_silent_videos[place] for place in places)
                parts += self._neighbour_parts(step, neighbours)

        def terms(made: Embeddings) -> Terms:
            found = retrieved or objective.retrieve(
                self.bank, made["visual"], made["title"], batch.rows, config=config, step=step
            )
            return objective.video_terms(
                self.model,
                made,
                batch.rows,
                config=config,
                bank=self.bank,
                retrieved=found,
                neighbours=neighbours,
                places=places,
                step=step,
            )

        return parts, terms

    def _filled_up(self, items: Sequence[T]) -> list[T]:
        """The items, the last of them repeated up to a multiple of the processes."""
        return [*items, *list(items[-1:]) * (-len(items) % self.world.size)]

    def _neighbour_parts(self, step: int, rows: Sequence[Sample]) -> list[Part]:
        own = self._filled_up(rows)
        own = own[self.world.part(len(own))]
        return self._parts(
            step,
            "neighbour",
            len(rows),
            self.sampler.neighbours(step, own),
            lambda items, pictures: objective.encode_neighbours(self.model, pictures, own[items]),
        )

    def _parts(
        self,
        step: int,
        name: str,
        total: int,
        frames: torch.Tensor,
        encode: Callable[[slice, torch.Tensor], Embeddings],
    ) -> list[Part]:
        """The chunks of this process's part of `total` items, whose pictures are `frames`.

        What is drawn for an item does not depend on the processes: the last one's counts for those that
        fill up their parts.
        """
        seed, config = self.config.train.seed, self.config
        own = self._filled_up(range(total))
        own = own[self.world.part(len(own))]
        changes = draw_augmentation(
            total, config=config.augment, random=generator(seed, "augment", name, step)
        ).select(own)
        size = config.data.chunk or len(frames)

        def part(items: slice) -> Part:
            def run() -> Embeddings:
                # Dropout's masks belong to the items, so that they are the same when drawn again.
                drawn = generator(seed, "dropout", name, step, own[items.start])
                torch.manual_seed(drawn.initial_seed())
                pictures = augment(
                    frames[items].to(self.device),
                    changes.select(items),
                    side=config.model.image_size,
                )
                kind = _AUTOCAST.get(config.train.precision)
                with torch.autocast(self.device.type, dtype=kind, enabled=kind is not None):
                    return encode(items, pictures)

            return run

        return [part(slice(start, start + size)) for start in range(0, len(frames), size)]

    @torch.no_grad()
    def _refresh(self, bank: MemoryBank, step: int) -> None:
        """Encode the bank's oldest entries anew with the present model, without augmentation.

        Each process encodes its part of them; all write all.
        """
        places = self._filled_up(bank.oldest(self.config.bank.refresh))
        rows = [
            self.corpus.titled_silent_videos[place]
            for place in places[self.world.part(len(places))]
        ]
        visual, title = self.embed_videos(rows)
        bank.write(places, self.world.gather(visual), self.world.gather(title), step=step)

    @torch.no_grad()
    def embed_videos(self, rows: Sequence[Sample]) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures and titles of videos [B, D], as the bank keeps them: without augmentation."""
        wanted = self.config.data.video_frames
        frames = torch.stack(
            [
                self.store.frames(row, sample_frame_indices(len(row.frame_times_s), wanted))
                for row in rows
            ]
        ).to(self.device)
        self.model.eval()
        visual = self.model.embed_frames(
            resize_frames(frames, side=self.config.model.image_size), Level.VIDEO
        )
        title = self.model.embed_texts([row.title or "" for row in rows], Level.VIDEO)
        self.model.train()
        return visual, title

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
            resize_frames(frames.to(self.device), side=self.config.model.image_size)
        )
        self.model.train()

    def _batches(self, level: Level, rows: Sequence[Sample]) -> Batches:
        data = self.config.data
        clips = level is Level.CLIP
        context = None
        if clips and data.context:
            films = self.corpus.video_rows
            context = ContextSampler(
                videos=films, count=data.context, stride_s=data.context_stride_s
            )
        return Batches(
            rows,
            self.store,
            batch=data.clip_batch if clips else data.video_batch,
            frames=data.clip_frames if clips else data.video_frames,
            seed=self.config.train.seed,
            shuffle_groups=data.shuffle_groups,
            name=level,
            partition=self.world.part,
            processes=self.world.size,
            context=context,
        )

    def _bank(self) -> MemoryBank | None:
        silent = self.corpus.titled_silent_videos
        wanted = self.config.bank.enabled and self.config.loss.retrieval_weight > 0
        if not wanted or len(silent) <= self.config.bank.neighbours:
            return None
        return _bank_of(silent, self.config, self.device)

    def _narrated_bank(self) -> MemoryBank | None:
        if not self.config.loss.carry_weight or not self.corpus.silent_videos:
            return None
        return _bank_of(self.corpus.clips, self.config, self.device)

    def _tell(self, say: Say) -> None:
        corpus, data = self.corpus, self.config.data
        processes = f", {self.world.size} processes" if self.world.size > 1 else ""
        say(
            f"{len(corpus.clips)} clips, {len(corpus.videos)} narrated and "
            f"{len(corpus.titled_silent_videos)} silent videos with a title; "
            f"{self.plan.total} steps on {self.device}{processes}"
        )
        for level, wanted in ((Level.CLIP, data.clip_batch), (Level.VIDEO, data.video_batch)):
            if level not in self.batches:
                say("fewer than 2 videos with a title, or video_steps = 0: no video level")
                continue
            made = self.batches[level]
            if made.batch < wanted:
                say(f"only {made.batch} {level} rows: batches of {made.batch} instead of {wanted}")
            if made.left_out:
                say(
                    f"each epoch leaves out {made.left_out} of {len(made.rows)} {level} rows "
                    f"(less than a batch of {made.batch}), others every time"
                )
        if self.bank is None:
            say(f"retrieval is off: {self._why_no_bank()}")
        titled = (
            self.config.loss.silent_titles
            and Level.VIDEO in self.batches
            and corpus.titled_silent_videos
        )
        if corpus.silent_videos and self.bank is None and self.narrated is None and not titled:
            say(
                f"{len(corpus.silent_videos)} silent videos are not learnt from: bank.enabled, "
                "loss.silent_titles and loss.carry_weight would use them"
            )
        if self.config.loss.phase_weight:
            found = len(corpus.phase_runs)
            few = ": no middle level" if found < 2 else ""
            say(f"{found} runs of two or more narrations of one phase{few}")
        if self.config.loss.carry_weight and self.narrated is None:
            say("no narrations are carried over: there is no silent video")

    def _why_no_bank(self) -> str:
        bank, silent = self.config.bank, len(self.corpus.titled_silent_videos)
        if not bank.enabled:
            return "bank.enabled is false"
        if not self.config.loss.retrieval_weight:
            return "loss.retrieval_weight is 0"
        if silent <= bank.neighbours:
            return f"{silent} silent videos with a title, but it needs more than {bank.neighbours}"
        return "there is no video level"


def _bank_of(rows: Sequence[Sample], config: Config, device: torch.device) -> MemoryBank:
    return MemoryBank(
        [row.video_id for row in rows],
        [row.channel_id for row in rows],
        [row.surgeries for row in rows],
        dim=config.model.embedding_dim,
        device=device,
    )
