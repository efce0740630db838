"""The table: gains are paired by seed and by video, and intervals are what they are said to be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.learnability.table import gain, interval_by_video, table
from benchmarks.learnability.variants import MORE_SEEDS, SEEDS, VARIANTS

ROOT = Path(__file__).parents[3]

BASE, MORE = "clip level only", "clip level only, three times the pictures"


def row(variant, seed, accuracy, videos=((5, 10), (5, 10)), surgery=None):
    others = dict.fromkeys(("phase_f1", "instrument_map", "recall_at_1"))
    return {
        "variant": variant,
        "seed": seed,
        "phase_accuracy": accuracy,
        "surgery_accuracy": surgery,
        "videos": [list(video) for video in videos],
        "chance": 0.1,
        **others,
    }


def by_seed(rows):
    return {one["seed"]: one for one in rows}


def test_a_gain_is_paired_by_seed_with_students_interval():
    before = by_seed(row(BASE, seed, level) for seed, level in enumerate((0.2, 0.5, 0.3)))
    after = by_seed(row(MORE, seed, level) for seed, level in enumerate((0.21, 0.53, 0.32)))
    found = gain(after, before, "phase_accuracy")
    assert found.mean == pytest.approx(0.02)
    assert found.half == pytest.approx(4.303 * 0.01 / 3**0.5, rel=1e-3)  # t table, 2 degrees.


def test_only_seeds_that_both_have_are_compared():
    before = by_seed([row(BASE, 1, 0.3), row(BASE, 2, 0.9)])
    found = gain(by_seed([row(MORE, 1, 0.4), row(MORE, 7, 0.1)]), before, "phase_accuracy")
    assert (found.mean, found.half) == (pytest.approx(0.1), None)


def test_the_interval_by_video_against_the_normal_approximation():
    random = np.random.default_rng(3)
    before, after = [], []
    for seed in range(4):
        right = random.integers(5, 30, size=80)
        better = np.clip(right + random.integers(-3, 6, size=80), 0, 50)
        before.append(row(BASE, seed, 0.0, [(int(r), 50) for r in right]))
        after.append(row(MORE, seed, 0.0, [(int(r), 50) for r in better]))
    differences = np.array(
        [[(a[0] - b[0]) / 50 for a, b in zip(one["videos"], other["videos"], strict=True)]
         for one, other in zip(after, before, strict=True)]
    )  # fmt: skip
    half = 1.96 * (differences.var(1) / 80).sum() ** 0.5 / 4
    low, high = interval_by_video(by_seed(after), by_seed(before))
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)
    assert (high + low) / 2 == pytest.approx(differences.mean(), abs=0.1 * half)


def test_other_pictures_are_no_pair():
    with pytest.raises(ValueError, match=r"seed 1: .* other frames"):
        interval_by_video(
            by_seed([row(MORE, 1, 0.5)]), by_seed([row(BASE, 1, 0.5, [(5, 10), (5, 11)])])
        )


def test_a_variant_is_compared_with_its_control():
    rows = [
        *(row(BASE, seed, 0.5, [(5, 10), (5, 10)], surgery=0.4) for seed in (1, 2)),
        *(row(MORE, seed, 0.6, [(6, 10), (6, 10)], surgery=0.3) for seed in (1, 2)),
    ]
    lines = list(table(rows))
    (line,) = [line for line in lines if line.startswith(f"| {MORE}")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:3] == [MORE, "2", "0.600"]
    assert cells[-4:] == [
        BASE,
        "+0.100 [+0.100, +0.100]",
        "[+0.100, +0.100]",
        "-0.100 [-0.100, -0.100]",
    ]
    (line,) = [line for line in lines if line.startswith(f"| {BASE} |")]
    assert line.endswith("|  |  |  |  |")
    assert lines[-1].endswith("1 of 1 comparisons can distinguish 0.03 from zero.")


def test_one_seed_claims_nothing_of_others():
    lines = list(table([row(BASE, 1, 0.5, surgery=0.1), row(MORE, 1, 0.6, surgery=0.1)]))
    assert "+0.100 |" in lines[-3]
    assert lines[-1] == "One seed: no conclusion about other seeds."


def test_the_published_table_is_that_of_the_published_rows():
    rows = json.loads((ROOT / "benchmarks/learnability.json").read_text(encoding="utf-8"))
    full = [one for one in rows if one["study"] == "full"]
    assert {one["variant"] for one in full} >= set(VARIANTS)
    assert {one["seed"] for one in full} == {*SEEDS, *MORE_SEEDS}
    method = (ROOT / "docs/method.md").read_text(encoding="utf-8").splitlines()
    missing = [line for line in table(full) if line and line not in method]
    assert not missing
