"""Train without one video, look for each instrument in it, and so on for every video.

The settings were fixed before any result was seen; none is chosen by one. The mean picture comes off every
embedding as in `ophclip.evaluation.zero_shot`, though within one instrument it moves no frame before another.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.cadis import baselines, corpus
from benchmarks.cadis.captions import prompt
from benchmarks.cadis.corpus import Jpegs
from benchmarks.cadis.labels import Frame
from benchmarks.cadis.scores import Pair, random_order
from ophclip.config import Config, change
from ophclip.data.augment import resize_frames
from ophclip.data.corpus import Corpus
from ophclip.data.jpeg import decode
from ophclip.data.shards import open_shards
from ophclip.evaluation.metrics import average_precision
from ophclip.inference import pretrained
from ophclip.model.dual_encoder import OphCLIP
from ophclip.presets import tiny
from ophclip.training.loop import train
from schemas.vocab import Level

FREQUENCY = "frequency"
CHANCE = "random order"
TRAINED = "zero-shot"
UNTRAINED = "untrained zero-shot"
PROBE = "probe of ours"
RANDOM = "probe of random"
IMAGENET = "probe of ImageNet"
METHODS = {
    FREQUENCY: "the instrument's share of the training frames, the same for every frame",
    CHANCE: "what scores without meaning have on average: above frequency where frames are few",
    UNTRAINED: "prompts, with the model before its first step",
    TRAINED: "prompts, with the trained model",
    RANDOM: "logistic probe on the same image encoder before its first step",
    PROBE: "logistic probe on the trained image encoder, not on its embedding",
    IMAGENET: "logistic probe on EfficientNet-Lite0 with ImageNet weights",
}

_AT_ONCE = 64

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that the figures depend on, beside the data."""

    steps: int = 300
    captions_each: int = 2
    changes: tuple[str, ...] = (
        # Titles are all alike: there is nothing to learn at video level.
        "train.video_steps=0",
        "optim.warmup_steps=30",
        # Sums come out the same only with the same number.
        "train.threads=1",
        "train.device=cpu",
    )
    """To the preset tiny."""
    probe_weight_decay: float = 0.01
    draws: int = 10_000
    """Of the bootstrap over videos."""
    seed: int = 0

    def config(self) -> Config:
        """The trainer's whole config."""
        run = (
            f"train.seed={self.seed}",
            f"train.max_steps={self.steps}",
            f"train.checkpoint_every={self.steps}",
            f"train.log_every={self.steps}",
        )
        return change(tiny(), overrides=[*self.changes, *run])


def study(
    frames: Sequence[Frame], left_out: Sequence[str], settings: Settings, say: Say
) -> list[Pair]:
    """Every instrument of every left-out video with the average precision of all methods.

    Args:
        frames: of all videos.
        left_out: the videos to leave out in turn.
        say: gets a line for each part done.
    """
    torch.set_num_threads(settings.config().train.threads)
    jpegs = corpus.shrink(frames)
    imagenet: torch.Tensor | None = None
    if baselines.imagenet_is_there():
        started = time.perf_counter()
        imagenet = baselines.imagenet_features([jpegs[frame.path] for frame in frames])
        say(f"ImageNet features of {len(frames)} frames: {time.perf_counter() - started:.0f} s")
    else:
        say(
            f"left out, its packages are not installed: {IMAGENET} ({', '.join(baselines.PACKAGES)})"
        )
    return [
        pair
        for video in left_out
        for pair in _without(video, frames, jpegs, imagenet, settings, say)
    ]


def split(frames: Sequence[Frame], video: str) -> tuple[list[int], list[int]]:
    """The numbers of the frames to train on, and of those of the left-out video."""
    seen = [number for number, frame in enumerate(frames) if frame.video != video]
    asked = [number for number, frame in enumerate(frames) if frame.video == video]
    return seen, asked


def _without(
    video: str,
    frames: Sequence[Frame],
    jpegs: Jpegs,
    imagenet: torch.Tensor | None,
    settings: Settings,
    say: Say,
) -> list[Pair]:
    """The figures of one left-out video."""
    seen, asked = split(frames, video)
    shown_there = frozenset().union(*(frames[number].instruments for number in asked))
    instruments = sorted(shown_there)
    labels = torch.tensor([[name in frame.instruments for name in instruments] for frame in frames])
    config = settings.config()
    pixels = torch.stack(
        [
            decode(
                jpegs[frame.path],
                side=config.model.image_size,
                fit=config.data.fit,
                where=str(frame.path),
            )
            for frame in frames
        ]
    )
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="cadis-") as folder:
        known = [frames[number] for number in seen]
        clips = corpus.write(
            Path(folder),
            known,
            jpegs,
            captions_each=settings.captions_each,
            seed=settings.seed,
        )
        untrained = _untrained(Path(folder), config, pixels[seen])
        train(config, shards_folder=Path(folder), run=Path(folder) / "run", preset="tiny")
        trained = pretrained.read(Path(folder) / "run", device="cpu").model
    say(
        f"{video} left out: {len(seen)} training frames as {clips} clips, {settings.steps} steps in "
        f"{time.perf_counter() - started:.0f} s; {len(asked)} frames asked for "
        f"{len(instruments)} instruments"
    )
    found = {
        FREQUENCY: labels[seen].float().mean(0).expand(len(asked), -1),
        UNTRAINED: _by_prompts(untrained, pixels[asked], instruments),
        TRAINED: _by_prompts(trained, pixels[asked], instruments),
    }
    features = {RANDOM: _features(untrained, pixels), PROBE: _features(trained, pixels)}
    if imagenet is not None:
        features[IMAGENET] = imagenet
    for name, made in features.items():
        found[name] = baselines.probe(
            made[seen],
            labels[seen],
            made[asked],
            weight_decay=settings.probe_weight_decay,
        )
    return _pairs(video, instruments, labels, found, seen, asked)


def _pairs(
    video: str,
    instruments: Sequence[str],
    labels: torch.Tensor,
    found: Mapping[str, torch.Tensor],
    seen: Sequence[int],
    asked: Sequence[int],
) -> list[Pair]:
    pairs = []
    for place, name in enumerate(instruments):
        shown = labels[asked, place].tolist()
        precision = {
            method: average_precision(scores[:, place].tolist(), shown)
            for method, scores in found.items()
        }
        precision[CHANCE] = random_order(sum(shown), len(shown))
        pairs.append(
            Pair(
                video=video,
                instrument=name,
                shown=sum(shown),
                frames=len(shown),
                trained=int(labels[seen, place].sum()),
                precision=precision,
            )
        )
    return pairs


def _untrained(folder: Path, config: Config, pixels: torch.Tensor) -> OphCLIP:
    """The model that training starts from: same seed, same texts taken as the centre."""
    texts = Corpus.select(open_shards(folder, cached_groups=config.data.shuffle_groups)).texts
    torch.manual_seed(config.train.seed)
    model = OphCLIP(config.model).eval()
    model.centre_texts(texts)
    model.centre_images(resize_frames(pixels, side=config.model.image_size))
    return model


@torch.no_grad()
def _by_prompts(model: OphCLIP, pixels: torch.Tensor, instruments: Sequence[str]) -> torch.Tensor:
    """[N, C]: the likeness of each frame to each instrument's prompt, as in `evaluation.zero_shot`."""
    anchors = model.embed_texts([prompt(name) for name in instruments], Level.CLIP)
    embeddings = model.project_images(_features(model, pixels), Level.CLIP)
    return (embeddings - model.image_centre) @ anchors.T


@torch.no_grad()
def _features(model: OphCLIP, pixels: torch.Tensor) -> torch.Tensor:
    """[N, W]: the image encoder's features of uint8 frames [N, 3, s, s]."""
    pictures = resize_frames(pixels, side=model.config.image_size)
    return torch.cat([model.frame_features(part) for part in pictures.split(_AT_ONCE)])
