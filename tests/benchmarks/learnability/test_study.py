"""The study trains, measures, and can be taken up again; its variants are what they say."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks.learnability import bounds
from benchmarks.learnability.corpus import Sizes
from benchmarks.learnability.measure import mean_average_precision
from benchmarks.learnability.study import Study
from benchmarks.learnability.variants import CORE_VARIANTS, VARIANTS, config_of


def test_average_precision_against_a_slow_reference():
    random = torch.Generator().manual_seed(0)
    scores = torch.rand(40, 3, generator=random)
    truth = torch.rand(40, 3, generator=random) < torch.tensor([0.3, 0.6, 0.0])
    expected = []
    for column in range(2):
        ranked = sorted(range(40), key=lambda i: -scores[i, column])
        hits = [bool(truth[i, column]) for i in ranked]
        shares = [sum(hits[: n + 1]) / (n + 1) for n, hit in enumerate(hits) if hit]
        expected.append(sum(shares) / len(shares))
    assert mean_average_precision(scores, truth) == pytest.approx(sum(expected) / 2)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_a_whole_config_with_the_same_clip_steps(name):
    config = config_of(name, seed=3, clip_steps=300)
    train = config.train
    share = train.clip_steps / (train.clip_steps + train.video_steps)
    clips = 300 * VARIANTS[name].frames
    assert train.max_steps * share == clips
    assert train.seed == 3


def test_a_study_is_taken_up_where_it_ended(tmp_path, monkeypatch):
    study = Study(
        name="tiny",
        sizes=Sizes(narrated=8, silent=6, test=3),
        clip_steps=3,
        result=tmp_path / "result.json",
        workers=1,
    )
    study.run(seeds=[5], variants=["+ context, silent titles"], again=False)
    rows = study.rows()
    assert [row["variant"] for row in rows] == [
        "frequency",
        "supervised, true phases",
        "+ context, silent titles",
    ]
    figures = ("phase_accuracy", "phase_f1", "surgery_accuracy", "instrument_map", "recall_at_1")
    assert all(0 <= rows[2][name] <= 1 for name in figures)
    assert rows[0]["chance"] == pytest.approx(1 / 12, abs=1e-4)

    monkeypatch.setattr(bounds, "frequency", None)  # It is not asked again.
    study.run(seeds=[5], variants=["+ context, silent titles"], again=False)
    assert study.rows() == rows
    assert json.loads(study.result.read_text()) == rows


def test_the_core_variants_are_variants():
    assert set(CORE_VARIANTS) <= set(VARIANTS)
