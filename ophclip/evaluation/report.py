"""Run an evaluation from files and folders, and write its result as JSON and as a text table."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path

import torch

from ophclip.data.shards import open_shards
from ophclip.device import pick_device, pick_threads
from ophclip.evaluation.metrics import Estimate
from ophclip.evaluation.zero_shot import (
    PROMPTS,
    PROTOCOL,
    ZeroShotResult,
    read_labels,
    read_prompts,
    zero_shot_phase,
)
from ophclip.model import weights
from ophclip.model.dual_encoder import OphCLIP
from ophclip.version import __version__
from ophvl.faults import naming


def evaluate_phases(
    folder: Path,
    *,
    labels: Path,
    shards_folder: Path,
    prompts: Path | None,
    window_s: float,
    out: Path | None,
    device: str = "auto",
) -> tuple[ZeroShotResult, Path]:
    """Classify the phases of labelled videos with a checkpoint, and write the result.

    Args:
        folder: the checkpoint.
        labels: Parquet table of labels.
        shards_folder: dataset with the frames of the labelled videos.
        prompts: prompt file; None for the packaged one.
        window_s: length of the window over which frames are averaged, in seconds.
        out: JSON file; None for one in the run's eval folder.
        device: "auto", "cpu" or "cuda".

    Returns:
        The result, and the JSON file.

    Raises:
        CheckpointError: see `ophclip.model.weights`.
        ConfigError: there is no such device.
        DataError: see `ophclip.evaluation.zero_shot`.
    """
    prompt_file = prompts or PROMPTS
    spans, classes = read_labels(labels), read_prompts(prompt_file)
    checkpoint_hash = weights.verify(folder)
    state, config = weights.read(folder)
    shards = open_shards(shards_folder, cached_groups=1)
    model = OphCLIP(config.model)
    weights.load_weights(folder, model, state)
    model.to(pick_device(device)).eval()
    # Not the number of threads of the run: this machine may be another one, or busier.
    torch.set_num_threads(pick_threads())
    result = zero_shot_phase(
        model,
        config=config,
        shards=shards,
        spans=spans,
        prompts=classes,
        train_videos=frozenset(state.train_videos),
        window_s=window_s,
    )
    labels_hash = _sha256(labels)
    document = {
        "protocol": PROTOCOL,
        "window_s": window_s,
        "checkpoint": str(folder),
        "checkpoint_sha256": checkpoint_hash,
        "step": state.step,
        "preset": state.preset,
        "prompts_sha256": _sha256(prompt_file),
        "labels_sha256": labels_hash,
        "shards_sha256": shards.fingerprint,
        "ophclip_version": __version__,
        **dataclasses.asdict(result),
    }
    target = (
        out or folder.parents[1] / "eval" / f"zero-shot-phase-{labels_hash[:8]}-{folder.name}.json"
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    working = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with naming(target):
            working.write_text(json.dumps(document, indent=1), encoding="utf-8")
            working.replace(target)
    finally:
        working.unlink(missing_ok=True)
    return result, target


def format_table(result: ZeroShotResult) -> str:
    """Format the metrics, what was left out, and the confusion of each class as plain text."""
    scores = result.scores
    lines = [
        f"zero-shot phase: {scores.frames} frames of {len(result.videos)} videos, "
        f"{len(result.classes)} classes (95 % intervals by video)",
        f"  accuracy, pooled      {_format_estimate(scores.accuracy_pooled)}",
        f"  accuracy, per video   {_format_estimate(scores.accuracy_per_video)}",
        f"  macro-F1, pooled      {_format_estimate(scores.macro_f1_pooled)}",
        f"  macro-F1, per video   {_format_estimate(scores.macro_f1_per_video)}",
        f"  chance {scores.chance:.3f}, always the most frequent class {scores.majority:.3f}",
    ]
    for names, why in (
        (result.trained_on, "the model was trained on them"),
        (result.without_pixels, "no video row in these shards"),
    ):
        if names:
            lines.append(f"  left out, {why}: {', '.join(names)}")
    if result.frames_without_label or result.frames_with_two_labels:
        lines.append(
            f"  frames left out: {result.frames_without_label} without a label, "
            f"{result.frames_with_two_labels} with more than one class"
        )
    width = max(len(name) for name in result.classes)
    lines.append(f"  {'truth':{width}}  frames  right  most often predicted as")
    for i, name in enumerate(result.classes):
        row = scores.confusion[i]
        total = sum(row)
        wrong = [(count, result.classes[j]) for j, count in enumerate(row) if j != i and count]
        confused = f"{max(wrong)[1]} ({max(wrong)[0]})" if wrong else "-"
        right = f"{row[i] / total:5.2f}" if total else "    -"
        lines.append(f"  {name:{width}}  {total:6}  {right}  {confused}")
    return "\n".join(lines)


def _format_estimate(estimate: Estimate) -> str:
    return f"{estimate.value:.3f}  [{estimate.low:.3f}, {estimate.high:.3f}]"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
