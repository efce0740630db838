"""An evaluation as a file and as a table, line by line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from hashlib import sha256

import pytest

from ophclip.evaluation.metrics import Estimate, Scores
from ophclip.evaluation.report import evaluate_phases, format_table
from ophclip.evaluation.zero_shot import PROMPTS, ZeroShotResult
from tests.ophclip.shard_factory import (
    PHASES,
    phase_labels,
    video_rows,
    write_labels,
    write_shard,
)


def estimate(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.1, high=value + 0.1)


RESULT = ZeroShotResult(
    classes=("incision", "rhexis", "idle"),
    scores=Scores(
        accuracy_pooled=estimate(0.5),
        macro_f1_pooled=estimate(0.4),
        accuracy_per_video=estimate(0.6),
        macro_f1_per_video=estimate(0.3),
        chance=1 / 3,
        majority=0.625,
        frames=8,
        confusion=((3, 0, 2), (1, 1, 1), (0, 0, 0)),
    ),
    videos=("a", "b"),
    trained_on=(),
    without_pixels=(),
    frames_without_label=0,
    frames_with_two_labels=0,
)


def test_the_table_of_an_evaluation() -> None:
    assert format_table(RESULT).split("\n") == [
        "zero-shot phase: 8 frames of 2 videos, 3 classes (95 % intervals by video)",
        "  accuracy, pooled      0.500  [0.400, 0.600]",
        "  accuracy, per video   0.600  [0.500, 0.700]",
        "  macro-F1, pooled      0.400  [0.300, 0.500]",
        "  macro-F1, per video   0.300  [0.200, 0.400]",
        "  chance 0.333, always the most frequent class 0.625",
        "  truth     frames  right  most often predicted as",
        "  incision       5   0.60  idle (2)",
        "  rhexis         3   0.33  incision (1)",
        "  idle           0      -  -",
    ]


def test_what_was_left_out_is_told() -> None:
    result = replace(RESULT, trained_on=("c",), without_pixels=("d", "e"))
    lines = format_table(result).split("\n")
    assert "  left out, the model was trained on them: c" in lines
    assert "  left out, no video row in these shards: d, e" in lines
    for without, two in ((4, 0), (0, 5), (4, 5)):
        result = replace(RESULT, frames_without_label=without, frames_with_two_labels=two)
        told = f"  frames left out: {without} without a label, {two} with more than one class"
        assert told in format_table(result).split("\n")


@pytest.fixture
def evaluate(trained, tmp_path):
    """Evaluate the trained checkpoint on a video that it has not seen."""
    write_shard(tmp_path / "unseen", video_rows(77, kind="silent", split="test"))
    labels = write_labels(tmp_path / "labels.parquet", phase_labels(77))
    checkpoint = tmp_path / "run" / "checkpoints" / "step-00000030"
    shutil.copytree(trained.run / "checkpoints" / checkpoint.name, checkpoint)

    def run(**options):
        arguments = {"prompts": None, "window_s": 0.0, "out": None, **options}
        result, target = evaluate_phases(
            checkpoint, labels=labels, shards_folder=tmp_path / "unseen", device="cpu", **arguments
        )
        return result, target, json.loads(target.read_text(encoding="utf-8"))

    return run


def test_an_evaluation_is_written_beside_the_checkpoints_of_its_run(evaluate, tmp_path):
    result, target, document = evaluate()
    digest = document["labels_sha256"]
    assert target == tmp_path / "run" / "eval" / f"zero-shot-phase-{digest[:8]}-step-00000030.json"
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert target.read_text(encoding="utf-8").startswith('{\n "protocol": ')
    assert document["step"] == 30
    assert document["prompts_sha256"] == sha256(PROMPTS.read_bytes()).hexdigest()
    assert document["classes"] == list(result.classes)
    assert evaluate()[2] == document


def test_an_evaluation_takes_other_prompts_and_another_place(evaluate, tmp_path):
    prompts = tmp_path / "prompts.toml"
    prompts.write_text(
        "".join(
            f'[[class]]\nname = "{phase}"\naliases = []\nconcept_id = "phase:{phase}"\n'
            f'sentences = ["{phase}"]\n'
            for phase in PHASES
        ),
        encoding="utf-8",
    )
    out = tmp_path / "some" / "where" / "result.json"
    _, target, document = evaluate(prompts=prompts, out=out)
    assert target == out
    assert [path.name for path in out.parent.iterdir()] == ["result.json"]
    assert document["prompts_sha256"] == sha256(prompts.read_bytes()).hexdigest()
