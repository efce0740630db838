"""The drawn corpus is what the study says it is."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.learnability import draw, words
from benchmarks.learnability.corpus import Sizes, write
from benchmarks.learnability.variants import DEVELOPMENT_SEEDS, QUICK_SEED, SEEDS
from benchmarks.learnability.world import INSTRUMENTS, PHASE_NAMES, PHASES, SURGERIES, operate
from ophclip.data.corpus import Corpus
from ophclip.data.shards import open_shards

SIZES = Sizes(narrated=6, silent=4, test=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("corpus") / "data"
    write(place, seed=7, sizes=SIZES)
    return place


def test_the_trainer_reads_it(folder):
    corpus = Corpus.select(open_shards(folder, cached_groups=4))
    assert (len(corpus.videos), len(corpus.titled_silent_videos)) == (6, 4)
    assert len(corpus.clips) > 20
    assert all(row.frame_times_s for row in corpus.clips)


def test_the_same_seed_draws_the_same(folder, tmp_path):
    write(tmp_path / "again", seed=7, sizes=SIZES)
    write(tmp_path / "more", seed=7, sizes=Sizes(narrated=7, silent=4, test=3))
    (first,) = (folder / "shards").glob("*.parquet")
    (again,) = (tmp_path / "again" / "shards").glob("*.parquet")
    assert pq.read_table(first).equals(pq.read_table(again))
    (more,) = (tmp_path / "more" / "shards").glob("*.parquet")
    videos = {row["pair_id"]: row for row in pq.read_table(more).to_pylist()}
    assert all(videos[row["pair_id"]] == row for row in pq.read_table(first).to_pylist())


def test_every_picture_of_a_test_video_has_one_phase(folder):
    spans = [
        row
        for row in pq.read_table(folder / "labels.parquet").to_pylist()
        if row["task"] == "phase"
    ]
    rows = [row for row in open_shards(folder, cached_groups=1).rows if row.split == "test"]
    for row in rows:
        own = [span for span in spans if span["video_id"] == row.video_id]
        for time_s in row.frame_times_s:
            assert sum(span["start_s"] <= time_s < span["end_s"] for span in own) == 1


def test_prompts_were_never_said():
    prompts = [
        sentence.lower()
        for group in (words.PHASE_PROMPTS, words.SURGERY_PROMPTS, words.INSTRUMENT_PROMPTS)
        for sentences in group.values()
        for sentence in sentences
    ]
    assert len(prompts) == len(set(prompts))
    assert not set(prompts) & words.training_texts()


def test_everything_that_is_drawn_has_words():
    assert set(words.PHASE_PROMPTS) == set(words._SENTENCES) == set(PHASE_NAMES)
    assert set(words.SURGERY_PROMPTS) == set(words._NAMED) == {s.name for s in SURGERIES}
    assert set(words.INSTRUMENT_PROMPTS) == set(INSTRUMENTS)


def test_surgeries_share_phases_and_some_phases_look_alike():
    shared = Counter(phase for surgery in SURGERIES for phase in set(surgery.phases))
    assert sum(count >= 3 for count in shared.values()) >= 7
    assert set(shared) == set(PHASE_NAMES)
    tools = {phase.name: (phase.tools, phase.sometimes) for phase in PHASES}
    assert tools["cortex removal"] == tools["viscoelastic removal"]
    assert tools["viscoelastic injection"] == tools["wound hydration"]
    assert sum(surgery.share for surgery in SURGERIES) == pytest.approx(1)


def test_narrations_and_titles_are_as_bad_as_in_life():
    random = np.random.default_rng(3)
    about, titles = Counter(), Counter()
    for _ in range(400):
        operation = operate(random)
        for step, said in zip(operation.steps, words.narrate(operation, random), strict=True):
            about[
                "off" if said.about is None else "right" if said.about == step.phase else "near"
            ] += 1
        title = words.title(operation, random, silent=True)
        vague = any(title == one for one in words._VAGUE_TITLES)
        names = words._NAMED[operation.surgery.name]
        titles["vague" if vague else "right" if any(n in title for n in names) else "wrong"] += 1
    assert about["off"] / about.total() == pytest.approx(words.OFF_TOPIC, abs=0.03)
    assert about["near"] / about.total() == pytest.approx(words.SHIFTED, abs=0.03)
    assert titles["vague"] / titles.total() == pytest.approx(words.VAGUE, abs=0.06)
    assert titles["wrong"] / titles.total() == pytest.approx(words.WRONG, abs=0.05)


def test_what_was_done_can_be_seen_later():
    """Over many pictures, a lens in the eye makes its pupil brighter."""
    random = np.random.default_rng(1)
    look = draw.style(operate(random), random)
    means = [
        np.mean([seen_inside(look, done, random) for _ in range(80)])
        for done in ({"phacoemulsification"}, {"phacoemulsification", "lens implantation"})
    ]
    assert means[1] > means[0] + 5


def seen_inside(look, done, random):
    """The brightness of the middle of the eye."""
    pixels = draw.frame(look, "wound hydration", done, True, random).pixels
    x, y = look.centre.astype(int)
    return pixels[y - 5 : y + 5, x - 5 : x + 5].mean()


def test_development_and_study_seeds_are_apart():
    assert not {*DEVELOPMENT_SEEDS, QUICK_SEED} & set(SEEDS)


def test_what_a_film_leaves_out_was_done_all_the_same():
    random = np.random.default_rng(5)
    for _ in range(200):
        operation = operate(random)
        for step in operation.steps:
            if step.phase == "cortex removal":
                assert "phacoemulsification" in step.before
