"""Zero-shot phase classification. In: a model, ground-truth labels, shards with frames. Out: metrics.

Protocol `zero-shot-phase/1`: each frame of a video-level row that lies in exactly one labelled span is
classified. Its embedding is that of a clip of the frames within `window_s` / 2 of it (with context frames,
for a model with a context encoder), less the mean embedding of training frames. The embedding of a class is
the mean over its prompt sentences. The class with the largest cosine is predicted.
Candidates are the classes that occur in the labels. Predictions are not smoothed or calibrated, and nothing
is fitted to the evaluated videos.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F

from ophclip.config import DataConfig, EncoderConfig
from ophclip.data.batches import FrameStore
from ophclip.data.shards import Sample, Shards
from ophclip.errors import DataError
from ophclip.evaluation.metrics import Scores, score
from ophclip.inference.spans import embed_spans, row_features, windows
from ophclip.model.dual_encoder import OphCLIP
from ophvl.faults import remedy
from schemas.labels import LABELS
from schemas.vocab import Level, Task

PROTOCOL = "zero-shot-phase/1"
PROMPTS = Path(__file__).parent / "prompts" / "phase.toml"


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A class and its sentences, whose mean embedding represents it."""

    name: str
    aliases: tuple[str, ...]
    concept_id: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PhaseSpan:
    """A labelled phase: class `name` during [start_s, end_s)."""

    start_s: float
    end_s: float
    name: str


@dataclass(frozen=True, kw_only=True)
class ZeroShotResult:
    """Metrics of one evaluation, and what was left out of them."""

    classes: tuple[str, ...]
    scores: Scores
    videos: tuple[str, ...]
    """The evaluated videos."""
    trained_on: tuple[str, ...]
    """Left out: the model was trained on them."""
    without_pixels: tuple[str, ...]
    """Left out: they have no video row in the shards."""
    frames_without_label: int
    frames_with_two_labels: int


def read_prompts(path: Path = PROMPTS) -> tuple[Prompt, ...]:
    """Read the classes of a prompt file (TOML).

    Raises:
        DataError: it cannot be read, or a class lacks a field.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["class"]
        prompts = tuple(
            Prompt(
                name=entry["name"],
                aliases=tuple(entry["aliases"]),
                concept_id=entry["concept_id"],
                sentences=tuple(entry["sentences"]),
            )
            for entry in entries
        )
    except OSError as err:
        raise DataError(f"cannot read the prompts {path}: {remedy(err)}") from err
    except (KeyError, TypeError, ValueError) as err:
        raise DataError(f"{path} is not a prompt file: {err}") from err
    empty = [prompt.name for prompt in prompts if not prompt.sentences]
    if empty:
        raise DataError(f"{path}: no sentences for {', '.join(empty)}; add at least one")
    return prompts


def read_labels(path: Path) -> dict[str, list[PhaseSpan]]:
    """Read the phase spans of each video, with the classes as their source spells them.

    Raises:
        DataError: the file cannot be read, breaks the schema, or holds no phases.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as err:
        raise DataError(f"cannot read the labels {path}: {err}") from err
    violations = LABELS.check(table)
    if violations:
        lines = "\n  ".join(str(v) for v in violations)
        raise DataError(f"{path} does not follow the label schema:\n  {lines}")
    spans: dict[str, list[PhaseSpan]] = {}
    for row in table.to_pylist():
        if row["task"] == Task.PHASE:
            span = PhaseSpan(start_s=row["start_s"], end_s=row["end_s"], name=row["class"])
            spans.setdefault(row["video_id"], []).append(span)
    if not spans:
        raise DataError(
            f"{path} holds no rows of task {Task.PHASE}; give labels of surgical phases"
        )
    return spans


def match_prompts(names: Sequence[str], prompts: Sequence[Prompt]) -> dict[str, Prompt]:
    """Return the prompt of each label class, by name or alias, without regard to case and punctuation.

    Raises:
        DataError: a class has no prompt.
    """
    known = {_normalise(n): p for p in prompts for n in (p.name, *p.aliases)}
    missing = [name for name in names if _normalise(name) not in known]
    if missing:
        raise DataError(
            f"no prompt for label class(es) {', '.join(map(repr, missing))}; add the class or an alias "
            f"to the prompt file. It has: {', '.join(p.name for p in prompts)}"
        )
    return {name: known[_normalise(name)] for name in names}


def embed_classes(model: OphCLIP, prompts: Sequence[Prompt]) -> torch.Tensor:
    """Return the normalised mean of the sentence embeddings of each of C classes: [C, D]."""
    means = [model.embed_texts(p.sentences, Level.CLIP).mean(0) for p in prompts]
    return F.normalize(torch.stack(means), dim=-1)


@torch.no_grad()
def zero_shot_phase(
    model: OphCLIP,
    *,
    config: EncoderConfig,
    shards: Shards,
    spans: dict[str, list[PhaseSpan]],
    prompts: Sequence[Prompt],
    train_videos: frozenset[str],
    window_s: float,
) -> ZeroShotResult:
    """Classify every labelled frame. The model's training mode is restored afterwards.

    Args:
        model: in any mode, on any device.
        config: of the model's run.
        shards: dataset with the frames of the labelled videos.
        spans: labelled phases of each video.
        prompts: candidates; those that no label names are ignored.
        train_videos: videos to leave out because the model was trained on them.
        window_s: length of the window over which frames are averaged, in seconds.

    Raises:
        DataError: a class has no prompt, or nothing is left to evaluate.
    """
    rows = {row.video_id: row for row in shards.rows if row.level == Level.VIDEO}
    trained_on = tuple(sorted(set(spans) & train_videos))
    without_pixels = tuple(sorted(set(spans) - set(rows)))
    videos = tuple(sorted(set(spans) & set(rows) - train_videos))
    if not videos:
        raise DataError(
            f"none of the {len(spans)} labelled videos can be evaluated: {len(trained_on)} were trained "
            f"on, {len(without_pixels)} have no video row in {shards.files[0].parent}"
        )
    names = sorted({span.name for of_video in spans.values() for span in of_video})
    matched = match_prompts(names, prompts)
    classes = [p for p in prompts if p in matched.values()]
    class_index = {name: classes.index(prompt) for name, prompt in matched.items()}
    store = FrameStore(
        shards, [rows[video] for video in videos], config=config.data, side=config.model.image_size
    )
    was_training = model.training
    model.eval()
    try:
        class_embeddings = embed_classes(model, classes)
        confusion = torch.zeros(len(videos), len(classes), len(classes), dtype=torch.int64)
        unlabelled = ambiguous = 0
        for v, video in enumerate(videos):
            predictions = _classify(
                model, store, rows[video], class_embeddings, window_s, config.data
            )
            for time_s, prediction in zip(rows[video].frame_times_s, predictions, strict=True):
                truths = {
                    class_index[s.name] for s in spans[video] if s.start_s <= time_s < s.end_s
                }
                unlabelled += not truths
                ambiguous += len(truths) > 1
                if len(truths) == 1:
                    confusion[v, truths.pop(), prediction] += 1
    finally:
        model.train(was_training)
    if not confusion.any():
        raise DataError("no frame of the evaluated videos lies in a labelled span")
    return ZeroShotResult(
        classes=tuple(p.name for p in classes),
        scores=score(confusion),
        videos=videos,
        trained_on=trained_on,
        without_pixels=without_pixels,
        frames_without_label=unlabelled,
        frames_with_two_labels=ambiguous,
    )


def _classify(
    model: OphCLIP,
    store: FrameStore,
    row: Sample,
    class_embeddings: torch.Tensor,
    window_s: float,
    data: DataConfig,
) -> list[int]:
    """Predict the class index of each of the row's frames; `class_embeddings` is [C, D]."""
    features = row_features(model, store, row)
    spans = windows(row.frame_times_s, window_s)
    embeddings = embed_spans(model, row, features, spans, data=data)
    return ((embeddings - model.image_centre) @ class_embeddings.T).argmax(1).tolist()


def _normalise(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
