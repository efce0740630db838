"""The sampler: independent of how processes share the items, and limited to what a step may use."""

from __future__ import annotations

import pytest
import torch

from ophclip.data.batches import FrameStore
from ophclip.data.corpus import Corpus
from ophclip.data.sampler import Sampler
from ophclip.data.shards import open_shards
from tests.ophclip.shard_factory import small_config, write_dataset


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = write_dataset(tmp_path_factory.mktemp("sampling"), narrated=7)
    return Corpus.select(open_shards(folder, cached_groups=4))


def sampler(corpus, *overrides):
    config = small_config(*overrides)
    rows = (*corpus.clips, *corpus.video_rows.values())
    store = FrameStore(corpus.shards, rows, config=config.data, side=32)
    return Sampler(config=config, corpus=corpus, store=store)


def test_runs_come_once_a_step_others_each_time_and_can_be_shared(corpus):
    made = sampler(corpus, "loss.phase_weight=0.5", "data.phase_batch=5")
    steps = [[run.key for run in made.runs(step, processes=2)] for step in range(20)]
    assert all(len(keys) == len(set(keys)) == 4 for keys in steps)
    assert {key for keys in steps for key in keys} == {run.key for run in corpus.phase_runs}
    assert steps == [[run.key for run in made.runs(step, processes=2)] for step in range(20)]


def test_without_a_weight_or_with_a_single_run_for_each_process_there_are_none(corpus):
    assert sampler(corpus).runs(0, processes=1) == []
    weighted = sampler(corpus, "loss.phase_weight=0.5")
    assert len(weighted.runs(0, processes=7)) == 7
    assert weighted.runs(0, processes=8) == []


def test_frames_of_an_item_do_not_depend_on_the_others(corpus):
    made = sampler(corpus, "loss.phase_weight=0.5")
    runs = made.runs(3, processes=1)
    assert torch.equal(made.run_frames(3, runs)[2:], made.run_frames(3, runs[2:]))
    assert not torch.equal(made.run_frames(3, runs), made.run_frames(4, runs))
    silent = corpus.titled_silent_videos
    assert torch.equal(made.neighbours(3, silent)[1:], made.neighbours(3, silent[1:]))


def test_processes_share_windows_and_their_context(corpus):
    made = sampler(corpus, "model.context_layers=1", "data.context=1", "carry.window_s=4.0")
    whole, context = made.windows(5, 6, slice(0, 6))
    assert whole.shape == (6, 2 + 2, 3, 32, 32)
    second, times = made.windows(5, 6, slice(3, 6))
    assert torch.equal(second, whole[3:])
    assert torch.equal(times.offsets_s, context.offsets_s[3:])
    assert ((context.offsets_s < 0) | ~context.mask)[:, 0].all()
    assert ((context.offsets_s > 0) | ~context.mask)[:, 1].all()


def test_frames_of_a_window_lie_within_its_length(corpus):
    made = sampler(corpus, "carry.window_s=6.0", "data.clip_frames=3")
    time_of = {}
    for row in corpus.silent_videos:
        frames = made.store.frames(row, range(len(row.frame_times_s)))
        for time_s, frame in zip(row.frame_times_s, frames, strict=True):
            time_of[tuple(frame.flatten().tolist())] = (row.video_id, time_s)
    for window in made.windows(2, 20, slice(0, 20))[0]:
        found = [time_of[tuple(frame.flatten().tolist())] for frame in window]
        assert len({video_id for video_id, _ in found}) == 1
        times = [time_s for _, time_s in found]
        assert times == sorted(times)
        assert times[-1] - times[0] <= 6.0


def test_windows_show_silent_videos_only(corpus):
    made = sampler(corpus, "carry.window_s=0.1", "data.clip_frames=1")
    shown = made.windows(0, 40, slice(0, 40))[0].flatten(1)
    videos = [
        made.store.frames(row, range(len(row.frame_times_s))).flatten(1)
        for row in corpus.silent_videos
    ]
    silent = {tuple(frame.tolist()) for video in videos for frame in video}
    assert all(tuple(frame.tolist()) in silent for frame in shown)
