"""Train without one video and find each instrument in it; repeat for every video.

The settings were fixed before the first result; none is chosen by a result. The mean embedding of training
frames is subtracted as in `ophclip.evaluation.zero_shot`, though it does not change the ranking of the frames
for an instrument.
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
from benchmarks.cadis.labels import LabelledFrame
from benchmarks.cadis.scores import Pair, random_order
from ophclip.config import change
from ophclip.data.augment import resize_frames
from ophclip.data.corpus import Corpus
from ophclip.data.jpeg import decode
from ophclip.data.shards import open_shards
from ophclip.evaluation.metrics import average_precision
from ophclip.inference import pretrained
from ophclip.model.dual_encoder import OphCLIP
from ophclip.training.config import Config
from ophclip.training.loop import train
from ophclip.training.settings import tiny
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

_BATCH = 64

LogFn = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that the figures depend on, except the data."""

    steps: int = 300
    captions_each: int = 2
    changes: tuple[str, ...] = (
        # All titles are equal: there is nothing to learn at video level.
        "train.video_steps=0",
        "optim.warmup_steps=30",
        # Sums are reproducible only with the same number of threads.
        "train.threads=1",
        "train.device=cpu",
    )
    """To the preset tiny."""
    probe_weight_decay: float = 0.01
    draws: int = 10_000
    """Of the bootstrap over videos."""
    seed: int = 0

    def config(self) -> Config:
        """Build the trainer's config."""
        run = (
            f"train.seed={self.seed}",
            f"train.max_steps={self.steps}",
            f"train.checkpoint_every={self.steps}",
            f"train.log_every={self.steps}",
        )
        return change(tiny(), overrides=[*self.changes, *run])


def study(
    frames: Sequence[LabelledFrame], left_out: Sequence[str], settings: Settings, log: LogFn
) -> list[Pair]:
    """Measure the average precision of all methods for every instrument of every left-out video.

    Args:
        frames: of all videos.
        left_out: the videos to leave out in turn.
        settings: of the study.
        log: receives one line of progress for each left-out video.
    """
    torch.set_num_threads(settings.config().train.threads)
    jpegs = corpus.shrink(frames)
    imagenet: torch.Tensor | None = None
    if baselines.has_imagenet():
        started = time.perf_counter()
        imagenet = baselines.imagenet_features([jpegs[frame.path] for frame in frames])
        log(f"ImageNet features of {len(frames)} frames: {time.perf_counter() - started:.0f} s")
    else:
        log(
            f"left out, its packages are not installed: {IMAGENET} ({', '.join(baselines.PACKAGES)})"
        )
    return [
        pair
        for video in left_out
        for pair in _without(video, frames, jpegs, imagenet, settings, log)
    ]


def split(frames: Sequence[LabelledFrame], video: str) -> tuple[list[int], list[int]]:
    """Return the indices of the training frames, and of those of the left-out video."""
    train_frames = [index for index, frame in enumerate(frames) if frame.video != video]
    test_frames = [index for index, frame in enumerate(frames) if frame.video == video]
    return train_frames, test_frames


def _without(
    video: str,
    frames: Sequence[LabelledFrame],
    jpegs: Jpegs,
    imagenet: torch.Tensor | None,
    settings: Settings,
    log: LogFn,
) -> list[Pair]:
    """Train without `video` and measure all methods on it."""
    train_frames, test_frames = split(frames, video)
    instruments = sorted(frozenset().union(*(frames[i].instruments for i in test_frames)))
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
        clips = corpus.write(
            Path(folder),
            [frames[i] for i in train_frames],
            jpegs,
            captions_each=settings.captions_each,
            seed=settings.seed,
        )
        untrained = _untrained(Path(folder), config, pixels[train_frames])
        train(config, shards_folder=Path(folder), run=Path(folder) / "run", preset="tiny")
        trained = pretrained.read(Path(folder) / "run", device="cpu").model
    log(
        f"{video} left out: {len(train_frames)} training frames as {clips} clips, {settings.steps} steps "
        f"in {time.perf_counter() - started:.0f} s; {len(test_frames)} test frames, "
        f"{len(instruments)} instruments"
    )
    scores = {
        FREQUENCY: labels[train_frames].float().mean(0).expand(len(test_frames), -1),
        UNTRAINED: _by_prompts(untrained, pixels[test_frames], instruments),
        TRAINED: _by_prompts(trained, pixels[test_frames], instruments),
    }
    features = {RANDOM: _features(untrained, pixels), PROBE: _features(trained, pixels)}
    if imagenet is not None:
        features[IMAGENET] = imagenet
    for name, of_frames in features.items():
        scores[name] = baselines.probe(
            of_frames[train_frames],
            labels[train_frames],
            of_frames[test_frames],
            weight_decay=settings.probe_weight_decay,
        )
    return _pairs(video, instruments, labels, scores, train_frames, test_frames)


def _pairs(
    video: str,
    instruments: Sequence[str],
    labels: torch.Tensor,
    scores: Mapping[str, torch.Tensor],
    train_frames: Sequence[int],
    test_frames: Sequence[int],
) -> list[Pair]:
    """Score each of C instruments; `labels` is bool [frames, C], `scores` of a method [test frames, C]."""
    pairs = []
    for c, name in enumerate(instruments):
        shown = labels[test_frames, c].tolist()
        precision = {
            method: average_precision(of_method[:, c].tolist(), shown)
            for method, of_method in scores.items()
        }
        precision[CHANCE] = random_order(sum(shown), len(shown))
        pairs.append(
            Pair(
                video=video,
                instrument=name,
                shown=sum(shown),
                frames=len(shown),
                trained=int(labels[train_frames, c].sum()),
                precision=precision,
            )
        )
    return pairs


def _untrained(folder: Path, config: Config, pixels: torch.Tensor) -> OphCLIP:
    """Build the model as it is before training: with the same seed and the same centre of texts."""
    texts = Corpus.select(open_shards(folder, cached_groups=config.data.shuffle_groups)).texts
    torch.manual_seed(config.train.seed)
    model = OphCLIP(config.model).eval()
    model.centre_texts(texts)
    model.centre_images(resize_frames(pixels, side=config.model.image_size))
    return model


@torch.no_grad()
def _by_prompts(model: OphCLIP, pixels: torch.Tensor, instruments: Sequence[str]) -> torch.Tensor:
    """Return the similarity of each frame to each prompt, as in `evaluation.zero_shot`: [N, C]."""
    prompts = model.embed_texts([prompt(name) for name in instruments], Level.CLIP)
    embeddings = model.project_images(_features(model, pixels), Level.CLIP)
    return (embeddings - model.image_centre) @ prompts.T


@torch.no_grad()
def _features(model: OphCLIP, pixels: torch.Tensor) -> torch.Tensor:
    """Encode uint8 frames [N, 3, s, s] with the image encoder: [N, W]."""
    frames = resize_frames(pixels, side=model.config.image_size)
    return torch.cat([model.frame_features(batch) for batch in frames.split(_BATCH)])
