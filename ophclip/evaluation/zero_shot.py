"""Zero-shot phase classification. In: a model, ground-truth labels, shards with pixels. Out: figures.

Protocol `zero-shot-phase/1`: each frame of a video-level row that lies in exactly one labelled span is
classified. Its embedding is that of the frames within `window_s` / 2 of it, as of a clip (and of what lies
around, for a model with a context encoder), less the mean embedding of training pictures; a class's
embedding is the mean over its prompt sentences; the class of largest cosine wins.
Candidates are the classes that occur in the labels. No smoothing over predictions, no calibration,
nothing learnt from the evaluated videos.
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

from ophclip.config import Config, DataConfig
from ophclip.data.batches import FrameStore
from ophclip.data.shards import Row, Shards
from ophclip.errors import DataError
from ophclip.evaluation.metrics import Scores, score
from ophclip.inference.spans import embed_spans, row_features, windows
from ophclip.model.dual_encoder import OphCLIP
from schemas.labels import LABELS
from schemas.vocab import Level, Task

PROTOCOL = "zero-shot-phase/1"
PROMPTS = Path(__file__).parent / "prompts" / "phase.toml"


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A class in words: the sentences' mean embedding stands for it."""

    name: str
    aliases: tuple[str, ...]
    concept_id: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Span:
    """During [start_s, end_s) the class holds."""

    start_s: float
    end_s: float
    name: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """Figures, and what was left out of them."""

    classes: tuple[str, ...]
    scores: Scores
    videos: tuple[str, ...]
    trained_on: tuple[str, ...]
    without_pixels: tuple[str, ...]
    frames_without_label: int
    frames_with_two_labels: int


def read_prompts(path: Path = PROMPTS) -> tuple[Prompt, ...]:
    """The prompt file's classes.

    Raises:
        DataError: it cannot be read, or a class lacks a part.
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
        raise DataError(f"cannot read the prompts {path}: {err.strerror}") from err
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as err:
        raise DataError(f"{path} is not a prompt file: {err}") from err
    empty = [prompt.name for prompt in prompts if not prompt.sentences]
    if empty:
        raise DataError(f"{path}: no sentences for {', '.join(empty)}")
    return prompts


def read_labels(path: Path) -> dict[str, list[Span]]:
    """Phase spans of each video, with the classes as their source spells them.

    Raises:
        DataError: the file cannot be read, breaks the schema, or holds no phases.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as err:
        raise DataError(f"cannot read the labels {path}: {err}") from err
    violations = LABELS.check(table)
    if violations:
        told = "\n  ".join(str(v) for v in violations)
        raise DataError(f"{path} does not keep the label schema:\n  {told}")
    spans: dict[str, list[Span]] = {}
    for row in table.to_pylist():
        if row["task"] == Task.PHASE:
            span = Span(start_s=row["start_s"], end_s=row["end_s"], name=row["class"])
            spans.setdefault(row["video_id"], []).append(span)
    if not spans:
        raise DataError(
            f"{path} holds no rows of task {Task.PHASE}; give labels of surgical phases"
        )
    return spans


def match(names: Sequence[str], prompts: Sequence[Prompt]) -> dict[str, Prompt]:
    """The prompt of each label class, by its name or an alias; case and punctuation do not count.

    Raises:
        DataError: a class has no prompt.
    """
    known = {_plain_name(n): p for p in prompts for n in (p.name, *p.aliases)}
    missing = [name for name in names if _plain_name(name) not in known]
    if missing:
        raise DataError(
            f"no prompt for label class(es) {', '.join(map(repr, missing))}; add the class or an alias "
            f"to the prompt file. It has: {', '.join(p.name for p in prompts)}"
        )
    return {name: known[_plain_name(name)] for name in names}


def embed_classes(model: OphCLIP, prompts: Sequence[Prompt]) -> torch.Tensor:
    """[C, D]: the normalised mean of each class's normalised sentence embeddings."""
    means = [model.embed_texts(p.sentences, Level.CLIP).mean(0) for p in prompts]
    return F.normalize(torch.stack(means), dim=-1)


@torch.no_grad()
def zero_shot_phase(
    model: OphCLIP,
    *,
    config: Config,
    shards: Shards,
    spans: dict[str, list[Span]],
    prompts: Sequence[Prompt],
    train_videos: frozenset[str],
    window_s: float,
) -> Result:
    """Classify every labelled frame. The model's training mode is as before afterwards.

    Raises:
        DataError: a class has no prompt, or nothing is left to evaluate.
    """
    rows = {row.video_id: row for row in shards.rows if row.level == Level.VIDEO}
    seen = tuple(sorted(set(spans) & train_videos))
    absent = tuple(sorted(set(spans) - set(rows)))
    videos = tuple(sorted(set(spans) & set(rows) - train_videos))
    if not videos:
        raise DataError(
            f"none of the {len(spans)} labelled videos can be evaluated: {len(seen)} were trained on, "
            f"{len(absent)} have no video row in {shards.files[0].parent}"
        )
    spelled = sorted({span.name for found in spans.values() for span in found})
    matched = match(spelled, prompts)
    classes = [p for p in prompts if p in matched.values()]
    number = {name: classes.index(prompt) for name, prompt in matched.items()}
    store = FrameStore(
        shards, [rows[video] for video in videos], config=config.data, side=config.model.image_size
    )
    was_training = model.training
    model.eval()
    try:
        anchors = embed_classes(model, classes)
        confusion = torch.zeros(len(videos), len(classes), len(classes), dtype=torch.int64)
        unlabelled = doubled = 0
        for v, video in enumerate(videos):
            predicted = _classify(model, store, rows[video], anchors, window_s, config.data)
            for time_s, guess in zip(rows[video].frame_times_s, predicted, strict=True):
                truths = {number[s.name] for s in spans[video] if s.start_s <= time_s < s.end_s}
                unlabelled += not truths
                doubled += len(truths) > 1
                if len(truths) == 1:
                    confusion[v, truths.pop(), guess] += 1
    finally:
        model.train(was_training)
    if not confusion.any():
        raise DataError("no frame of the evaluated videos lies in a labelled span")
    return Result(
        classes=tuple(p.name for p in classes),
        scores=score(confusion),
        videos=videos,
        trained_on=seen,
        without_pixels=absent,
        frames_without_label=unlabelled,
        frames_with_two_labels=doubled,
    )


def _classify(
    model: OphCLIP,
    store: FrameStore,
    row: Row,
    anchors: torch.Tensor,
    window_s: float,
    data: DataConfig,
) -> list[int]:
    """The class number of each of the row's frames."""
    features = row_features(model, store, row)
    spans = windows(row.frame_times_s, window_s)
    embeddings = embed_spans(model, row, features, spans, data=data)
    return ((embeddings - model.image_centre) @ anchors.T).argmax(1).tolist()


def _plain_name(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
