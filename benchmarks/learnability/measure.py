"""The figures of one model on videos and sentences that were not used in training.

Every frame of a test video is classified, as the mean of the frames within 2.5 s of it (with context frames,
for a model with a context encoder).
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import torch
import torch.nn.functional as F

from benchmarks.learnability.words import INSTRUMENT_PROMPTS, PHASE_PROMPTS, SURGERY_PROMPTS
from ophclip.config import EncoderConfig
from ophclip.data.batches import FrameStore
from ophclip.data.shards import Sample, Shards, open_shards
from ophclip.evaluation.metrics import average_precision, score
from ophclip.inference.spans import embed_spans, row_features, windows
from ophclip.model.dual_encoder import OphCLIP
from schemas.vocab import Level, Split, Task

WINDOW_S = 5.0
CENTRE_VIDEOS = 64


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The figures of a model, all in [0, 1]; the interval of the phase accuracy is over test videos.

    `videos`: for each test video, the number of frames with the right phase, and that of all its frames.
    """

    phase_accuracy: float
    phase_low: float
    phase_high: float
    phase_f1: float
    surgery_accuracy: float | None
    instrument_map: float | None
    recall_at_1: float | None
    chance: float
    videos: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The labels of each video, for each of its F frames."""

    phases: Mapping[str, torch.Tensor]
    """int64 [F], -1 where there is none."""
    instruments: Mapping[str, torch.Tensor]
    """bool [F, instruments]."""
    surgeries: Mapping[str, int]


def open_test(folder: Path) -> tuple[Shards, list[Sample]]:
    """Open the shards; return them and the rows of the test videos."""
    shards = open_shards(folder, cached_groups=16)
    rows = [r for r in shards.rows if r.level == Level.VIDEO and r.split == Split.TEST]
    return shards, rows


def read_truth(folder: Path, rows: Sequence[Sample]) -> Truth:
    """Read the labels of the frames of `rows`."""
    by_video = {row.video_id: row for row in rows}
    names = {
        Task.PHASE: list(PHASE_PROMPTS),
        Task.INSTRUMENT: list(INSTRUMENT_PROMPTS),
        Task.SURGERY: list(SURGERY_PROMPTS),
    }
    phases = {v: torch.full((len(r.frame_times_s),), -1) for v, r in by_video.items()}
    shape = len(INSTRUMENT_PROMPTS)
    instruments = {
        v: torch.zeros(len(r.frame_times_s), shape, dtype=torch.bool) for v, r in by_video.items()
    }
    surgeries: dict[str, int] = {}
    for label in pq.read_table(folder / "labels.parquet").to_pylist():
        video = label["video_id"]
        if video not in by_video:
            continue
        number = names[Task(label["task"])].index(label["class"])
        times = torch.tensor(by_video[video].frame_times_s)
        inside = (times >= label["start_s"]) & (times < label["end_s"])
        match label["task"]:
            case Task.PHASE:
                phases[video][inside] = number
            case Task.INSTRUMENT:
                instruments[video][inside, number] = True
            case _:
                surgeries[video] = number
    return Truth(phases=phases, instruments=instruments, surgeries=surgeries)


@torch.no_grad()
def measure(model: OphCLIP, config: EncoderConfig, folder: Path, *, video_level: bool) -> Figures:
    """Compute the figures on all frames of the test videos.

    Args:
        model: in evaluation mode.
        config: of its run.
        folder: the corpus.
        video_level: the run trained the video level; else surgeries are classified at clip level.
    """
    shards, rows = open_test(folder)
    truth = read_truth(folder, rows)
    features = _features(model, config, shards, rows)
    moments = {row.video_id: _moments(model, config, row, features[row.video_id]) for row in rows}
    phases, instruments = (
        _embed_prompts(model, prompts, Level.CLIP)
        for prompts in (PHASE_PROMPTS, INSTRUMENT_PROMPTS)
    )
    confusion = torch.zeros(len(rows), len(phases), len(phases), dtype=torch.int64)
    for v, row in enumerate(rows):
        predictions = (moments[row.video_id] @ phases.T).argmax(1)
        truths = truth.phases[row.video_id]
        for true, prediction in zip(truths.tolist(), predictions.tolist(), strict=True):
            confusion[v, true, prediction] += 1
    level = Level.VIDEO if video_level else Level.CLIP
    return figures_of(
        confusion,
        surgery_accuracy=_surgery_accuracy(model, config, shards, features, truth, level),
        instrument_map=mean_average_precision(
            torch.cat([moments[row.video_id] @ instruments.T for row in rows]),
            torch.cat([truth.instruments[row.video_id] for row in rows]),
        ),
        recall_at_1=_recall(model, moments, truth),
    )


def figures_of(
    confusion: torch.Tensor,
    *,
    surgery_accuracy: float | None = None,
    instrument_map: float | None = None,
    recall_at_1: float | None = None,
) -> Figures:
    """Collect the figures of phase confusions, int [V, C, C] by [video, truth, prediction], and others."""
    scores = score(confusion)
    right = confusion.diagonal(dim1=1, dim2=2).sum(1).tolist()
    total = confusion.sum((1, 2)).tolist()
    return Figures(
        phase_accuracy=scores.accuracy_pooled.value,
        phase_low=scores.accuracy_pooled.low,
        phase_high=scores.accuracy_pooled.high,
        phase_f1=scores.macro_f1_pooled.value,
        surgery_accuracy=surgery_accuracy,
        instrument_map=instrument_map,
        recall_at_1=recall_at_1,
        chance=scores.chance,
        videos=tuple(zip(right, total, strict=True)),
    )


def mean_average_precision(scores: torch.Tensor, truth: torch.Tensor) -> float:
    """Average the average precision over the classes that occur; `scores` and bool `truth` are [N, C]."""
    return statistics.fmean(
        average_precision(scores[:, c].tolist(), truth[:, c].tolist())
        for c in range(truth.shape[1])
        if truth[:, c].any()
    )


def _features(
    model: OphCLIP, config: EncoderConfig, shards: Shards, rows: Sequence[Sample]
) -> dict[str, torch.Tensor]:
    """Encode every frame of each video: [F, W]."""
    store = FrameStore(shards, rows, config=config.data, side=config.model.image_size)
    return {row.video_id: row_features(model, store, row) for row in rows}


def _moments(
    model: OphCLIP, config: EncoderConfig, row: Sample, features: torch.Tensor
) -> torch.Tensor:
    """Embed each frame with those near it, less the mean of training frames: [F, D]."""
    spans = windows(row.frame_times_s, WINDOW_S)
    return embed_spans(model, row, features, spans, data=config.data) - model.image_centre


def _embed_prompts(
    model: OphCLIP, prompts: Mapping[str, Sequence[str]], level: Level
) -> torch.Tensor:
    """Return the normalised mean of the sentence embeddings of each of C classes: [C, D]."""
    means = [model.embed_texts(sentences, level).mean(0) for sentences in prompts.values()]
    return F.normalize(torch.stack(means), dim=-1)


def _surgery_accuracy(
    model: OphCLIP,
    config: EncoderConfig,
    shards: Shards,
    features: Mapping[str, torch.Tensor],
    truth: Truth,
    level: Level,
) -> float:
    train = [r for r in shards.rows if r.level == Level.VIDEO and r.split == Split.TRAIN]
    train = train[:: max(1, len(train) // CENTRE_VIDEOS)]
    train_features = _features(model, config, shards, train)

    def embed(by_video: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return model.project_images(torch.stack([f.mean(0) for f in by_video.values()]), level)

    videos = embed(features) - embed(train_features).mean(0)
    predictions = (videos @ _embed_prompts(model, SURGERY_PROMPTS, level).T).argmax(1).tolist()
    return sum(
        prediction == truth.surgeries[video]
        for video, prediction in zip(features, predictions, strict=True)
    ) / len(predictions)


def _recall(model: OphCLIP, moments: Mapping[str, torch.Tensor], truth: Truth) -> float:
    """Return how often the frame of a video nearest to a sentence about one of its phases shows the phase."""
    hits = queries = 0
    for number, sentences in enumerate(PHASE_PROMPTS.values()):
        embeddings = model.embed_texts(sentences, Level.CLIP)
        for video, frames in moments.items():
            phases = truth.phases[video]
            if (phases == number).any():
                nearest = (frames @ embeddings.T).argmax(0)
                hits += int((phases[nearest] == number).sum())
                queries += len(sentences)
    return hits / queries
