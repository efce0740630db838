"""The middle level: which runs a step sees, and their loss."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ophclip.data.corpus import Corpus
from ophclip.data.shards import open_shards
from ophclip.losses import contrastive
from ophclip.training.terms.phase_runs import PhaseRuns
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config, write_dataset
from tests.ophclip.training.terms.steps import gathered, make_run, make_step, scaled

CONFIG = small_config("loss.same_text_cosine=1.0", "loss.phase_weight=0.5", "data.phase_batch=5")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Seven videos, each with one run."""
    folder = write_dataset(tmp_path_factory.mktemp("runs"), narrated=7)
    return Corpus.select(open_shards(folder, cached_groups=4))


def test_runs_come_once_a_step_others_each_time_and_can_be_shared(many):
    term = PhaseRuns(make_run(CONFIG, many, scaled(CONFIG), processes=2))
    steps = [[run.key for run in term.draw(step)] for step in range(20)]
    assert all(len(keys) == len(set(keys)) == 4 for keys in steps)
    assert {key for keys in steps for key in keys} == {run.key for run in many.phase_runs}
    assert steps == [[run.key for run in term.draw(step)] for step in range(20)]


def test_with_fewer_runs_than_processes_there_are_none(many):
    config = small_config("loss.phase_weight=0.5")
    drawn = [
        PhaseRuns(make_run(config, many, scaled(config), processes=count)).draw(0)
        for count in (7, 8)
    ]
    assert [len(runs) for runs in drawn] == [7, 0]


def test_pictures_of_a_run_do_not_depend_on_the_others(many):
    term = PhaseRuns(make_run(CONFIG, many, scaled(CONFIG)))
    runs = term.draw(3)
    assert torch.equal(term.frames(3, runs)[2:], term.frames(3, runs[2:]))
    assert not torch.equal(term.frames(3, runs), term.frames(4, runs))


def test_a_run_meets_the_mean_of_its_narrations(many):
    run = make_run(CONFIG, many, scaled(CONFIG))
    term = PhaseRuns.start(run, print)
    step, own = make_step(run, Level.CLIP, many.clips[:2], [term], number=2)
    inputs = term.inputs(step)
    encoded = gathered(run, Level.CLIP, step, own, inputs)
    runs, made = term.draw(2), encoded.inputs["run"]
    mean = torch.stack(
        [run.model.embed_texts(each.narrations, Level.CLIP).mean(0) for each in runs]
    )
    torch.testing.assert_close(made["text"], F.normalize(mean, dim=-1))
    same = torch.tensor([[a.phase == b.phase for b in runs] for a in runs])
    assert same.sum() > len(runs)  # Some of them are of one phase.
    expected = contrastive.info_nce(
        made["visual"], made["text"], torch.tensor(5.0), neutral_mask=same
    )
    torch.testing.assert_close(term.loss(step, encoded).loss, 0.5 * expected)


def test_without_a_weight_it_is_off(corpus):
    assert PhaseRuns.start(make_run(small_config(), corpus, scaled(CONFIG)), print) is None


@pytest.mark.parametrize("count", [1, 2])
def test_it_is_on_from_two_runs_on(tmp_path, count):
    corpus = Corpus.select(open_shards(write_dataset(tmp_path, narrated=count), cached_groups=1))
    lines: list[str] = []
    term = PhaseRuns.start(make_run(CONFIG, corpus, scaled(CONFIG)), lines.append)
    assert (term is not None) == (count == 2)
    ending = ": no middle level" if count == 1 else ""
    assert lines == [f"{count} runs of two or more narrations of one phase{ending}"]
