"""The spread is that of the training seed: equal seeds give equal figures, other seeds other ones."""

from __future__ import annotations

from benchmarks.learnability.corpus import Sizes
from benchmarks.learnability.spread import accuracies_by_seed


def test_trainings_of_one_corpus_differ_by_their_seed_alone(tmp_path):
    sizes = Sizes(narrated=8, silent=2, test=4)
    first, second = (
        accuracies_by_seed(tmp_path / name, sizes=sizes, clip_steps=6, training_seeds=seeds)
        for name, seeds in (("first", (1, 2)), ("second", (1, 3)))
    )
    assert first[0] == second[0]
    assert len({*first, *second}) == 3
