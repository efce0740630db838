"""The training loop. In: shards and a config. Out: a run folder with checkpoints and metrics.

Clip and video steps alternate under one optimiser. A step depends only on the seed, its number and the state
that checkpoints hold, so a resumed run continues exactly.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

import ophclip
from ophclip import checkpoint
from ophclip.augment import augment, plain
from ophclip.config import Config, to_toml
from ophclip.corpus import Corpus
from ophclip.data import Batch, Batches, FrameStore, generator, spread
from ophclip.device import pick_device, pick_threads
from ophclip.errors import CheckpointError, TrainingError
from ophclip.memory import MemoryBank
from ophclip.model import OphCLIP
from ophclip.objective import clip_terms, video_terms
from ophclip.optim import Plan, build_optimiser, lr_share
from ophclip.run_log import RunLog
from ophclip.shards import Row, open_shards
from schemas.vocab import Level

Say = Callable[[str], None]

CENTRE_ROWS = 32
CENTRE_FRAMES = 16
"""The mean picture embedding is measured on this many rows, and frames of each."""


def train(
    config: Config,
    *,
    shards_folder: Path,
    run: Path,
    preset: str,
    resume: bool = False,
    say: Say = lambda _: None,
) -> Path:
    """Train into the folder `run` and return the last checkpoint.

    Args:
        preset: name of the config that this one started from; recorded.
        resume: continue from the run's newest checkpoint.
        say: gets the lines that tell what is left out or switched off.

    Raises:
        DataError, CheckpointError, TrainingError: see there.
    """
    if not config.train.threads:
        threads = pick_threads()
        # Sums come out the same only with the same number of threads: a resumed run needs it.
        config = dataclasses.replace(
            config, train=dataclasses.replace(config.train, threads=threads)
        )
        say(f"{threads} CPU thread(s): the fastest number just now")
    torch.set_num_threads(config.train.threads)
    shards = open_shards(shards_folder, kept_groups=config.data.shuffle_groups)
    corpus = Corpus.select(shards)
    run.mkdir(parents=True, exist_ok=True)
    if not resume:
        (run / "config.toml").write_text(to_toml(config), encoding="utf-8")
    trainer = Trainer(config, corpus, preset=preset, say=say)
    start = trainer.restore(run) if resume else 0
    total = trainer.plan.total
    saved = run
    with RunLog(run, start=start, total=total, log_every=config.train.log_every) as log:
        streams = {level: trainer.stream(level, start) for level in Level}
        for step in range(start, total):
            level = trainer.plan.level(step)
            log.step(step, level, trainer.step(step, level, next(streams[level])))
            done = step + 1
            if done % config.train.checkpoint_every == 0 or done == total:
                saved = trainer.save(run, done)
    return saved if saved != run else checkpoint.find(run)


class Trainer:
    """Model, optimiser, memory bank and data of one run, and what one step does."""

    def __init__(self, config: Config, corpus: Corpus, *, preset: str, say: Say) -> None:
        self.config = config
        self.corpus = corpus
        self.preset = preset
        self.device = pick_device(config.train.device)
        torch.manual_seed(config.train.seed)
        self.model = OphCLIP(config.model).to(self.device).train()
        if self.model.text_encoder.frozen:
            self.model.centre_texts(corpus.texts)
        self.optimiser = build_optimiser(self.model, config.optim)
        self.store = FrameStore(
            corpus.shards,
            corpus.clips + corpus.videos + corpus.silent,
            config=config.data,
            side=math.ceil(config.model.image_size * config.data.margin),
        )
        self.batches = {Level.CLIP: self._batches(Level.CLIP, corpus.clips)}
        titled = corpus.videos + (corpus.silent if config.loss.silent_titles else ())
        has_videos = config.train.video_steps > 0 and len(titled) >= 2
        if has_videos:
            self.batches[Level.VIDEO] = self._batches(Level.VIDEO, titled)
        self.bank = self._bank() if has_videos else None
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
            TrainingError: the loss is not finite.
        """
        config = self.config
        share = lr_share(step, self.plan.total, config.optim)
        for group in self.optimiser.param_groups:
            group["lr"] = group["highest_lr"] * share
        frames = augment(
            batch.frames.to(self.device),
            side=config.model.image_size,
            config=config.augment,
            random=generator(config.train.seed, "augment", step),
        )
        if level is Level.CLIP:
            terms = clip_terms(self.model, frames, batch.rows, config=config)
        else:
            terms = video_terms(
                self.model, frames, batch.rows, config=config, bank=self.bank, step=step
            )
        loss = torch.stack(list(terms.losses.values())).sum()
        parts = {name: float(term.detach()) for name, term in terms.losses.items()}
        if not loss.isfinite():
            raise _not_finite(step, level, parts, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        learning = [p for group in self.optimiser.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(learning, config.optim.clip_norm or math.inf)
        self.optimiser.step()
        self.model.clamp_scales()
        if level is Level.VIDEO and self.bank is not None:
            self._refresh(self.bank, step)
        return {
            "loss": float(loss.detach()),
            **{f"loss_{name}": value for name, value in parts.items()},
            "lr": config.optim.lr * share,
            "logit_scale": float(self.model.logit_scale(level).detach()),
            "gradient_norm": float(norm),
            **terms.figures,
        }

    def save(self, run: Path, done: int) -> Path:
        """Write the checkpoint of the state after `done` steps."""
        self._centre_images()
        state = checkpoint.State(
            step=done,
            clip_batches=self.plan.done(done, Level.CLIP),
            video_batches=self.plan.done(done, Level.VIDEO),
            data_fingerprint=self.corpus.shards.fingerprint,
            train_videos=self.corpus.video_ids,
            bank_videos=self.bank.video_ids if self.bank is not None else (),
            frozen_sha256=checkpoint.frozen_sha256(self.model),
            preset=self.preset,
            ophclip_version=ophclip.__version__,
            torch_version=str(torch.__version__),
        )
        return checkpoint.save(
            run,
            state=state,
            config=self.config,
            model=self.model,
            optimiser=self.optimiser,
            bank=self.bank,
            keep=self.config.train.keep_checkpoints,
        )

    def restore(self, run: Path) -> int:
        """Load the run's newest checkpoint; return the number of finished steps.

        Raises:
            CheckpointError: there is none, it is damaged, or it was trained on other shards.
        """
        folder = checkpoint.find(run)
        checkpoint.verify(folder)
        state, _ = checkpoint.read(folder)
        if state.data_fingerprint != self.corpus.shards.fingerprint:
            raise CheckpointError(
                f"{folder} was trained on other shards than {self.corpus.shards.files[0].parent}; "
                "give those shards, or start a new run without --resume"
            )
        checkpoint.load_weights(folder, self.model, state)
        checkpoint.load_training(
            folder, state=state, model=self.model, optimiser=self.optimiser, bank=self.bank
        )
        return state.step

    @torch.no_grad()
    def _refresh(self, bank: MemoryBank, step: int) -> None:
        """Encode the bank's oldest entries anew with the present model, without augmentation."""
        places = bank.oldest(self.config.bank.refresh)
        rows = [self.corpus.silent[place] for place in places]
        wanted = self.config.data.video_frames
        frames = torch.stack(
            [self.store.frames(row, spread(len(row.frame_times_s), wanted)) for row in rows]
        ).to(self.device)
        self.model.eval()
        visual = self.model.embed_frames(
            plain(frames, side=self.config.model.image_size), Level.VIDEO
        )
        title = self.model.embed_texts([row.title or "" for row in rows], Level.VIDEO)
        self.model.train()
        bank.write(places, visual, title, step=step)

    @torch.no_grad()
    def _centre_images(self) -> None:
        """Measure the direction that all training pictures share, on frames of some videos."""
        rows = (self.corpus.videos + self.corpus.silent) or self.corpus.clips
        rows = tuple(rows[i] for i in spread(len(rows), min(len(rows), CENTRE_ROWS)))
        frames = torch.cat(
            [self.store.frames(row, spread(len(row.frame_times_s), CENTRE_FRAMES)) for row in rows]
        )
        self.model.eval()
        self.model.centre_images(plain(frames.to(self.device), side=self.config.model.image_size))
        self.model.train()

    def _batches(self, level: Level, rows: Sequence[Row]) -> Batches:
        data = self.config.data
        return Batches(
            rows,
            self.store,
            batch=data.clip_batch if level is Level.CLIP else data.video_batch,
            frames=data.clip_frames if level is Level.CLIP else data.video_frames,
            seed=self.config.train.seed,
            shuffle_groups=data.shuffle_groups,
            name=level,
        )

    def _bank(self) -> MemoryBank | None:
        silent = self.corpus.silent
        wanted = self.config.bank.enabled and self.config.loss.retrieval_weight > 0
        if not wanted or len(silent) <= self.config.bank.neighbours:
            return None
        return MemoryBank(
            [row.video_id for row in silent],
            [row.channel_id for row in silent],
            [row.surgeries for row in silent],
            dim=self.config.model.embedding_dim,
            device=self.device,
        )

    def _tell(self, say: Say) -> None:
        corpus, data = self.corpus, self.config.data
        say(
            f"{len(corpus.clips)} clips, {len(corpus.videos)} narrated and {len(corpus.silent)} silent "
            f"videos with a title; {self.plan.total} steps on {self.device}"
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
            say(
                "retrieval is off: "
                + (
                    f"{len(corpus.silent)} silent videos with a title, but it needs more than "
                    f"{self.config.bank.neighbours}"
                    if len(corpus.silent) <= self.config.bank.neighbours
                    else "by config, or because there is no video level"
                )
            )


def _not_finite(step: int, level: Level, parts: dict[str, float], batch: Batch) -> TrainingError:
    terms = ", ".join(f"{name} {value:.3g}" for name, value in parts.items())
    pairs = ", ".join(row.pair_id for row in batch.rows[:5])
    return TrainingError(
        f"the loss is not finite at step {step} ({level} level: {terms}; first pairs {pairs}). Nothing "
        "of this step was saved. Lower optim.lr or raise optim.warmup_steps, and train anew"
    )
