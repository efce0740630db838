"""Batches: each sample once an epoch, real pixels, the same batch k whoever makes it."""

from __future__ import annotations

import dataclasses
import itertools
import multiprocessing
from collections import Counter

import pytest
import torch

from ophclip.data import batches
from ophclip.data.batches import (
    Batches,
    ContextSampler,
    FrameStore,
    context_frames,
    generator,
    sample_frame_indices,
    stack_context,
)
from ophclip.data.shards import open_shards
from ophclip.errors import DataError
from tests.ophclip.shard_factory import (
    COLOURS,
    small_config,
    video_rows,
    write_dataset,
    write_shard,
)


def make_batches(root, *, batch=5, cache_mb=64, shuffle_groups=2, **options):
    shards = open_shards(root, cached_groups=2)
    clips = [row for row in shards.rows if row.level == "clip"]
    config = small_config(f"data.cache_mb={cache_mb}").data
    store = FrameStore(shards, clips, config=config, side=32)
    return Batches(
        clips,
        store,
        batch=batch,
        frames=2,
        seed=3,
        shuffle_groups=shuffle_groups,
        name="clip",
        **options,
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"), narrated=6, silent=0)


def test_each_sample_once_an_epoch_but_less_than_a_batch(root):
    batches = make_batches(root)
    assert (batches.per_epoch, batches.left_out) == (3, 3)
    for epoch in range(3):
        seen = [row.pair_id for k in range(3) for row in batches[3 * epoch + k].rows]
        assert len(seen) == len(set(seen)) == 15


def test_each_epoch_leaves_out_others_and_all_equally_often(root):
    batches = make_batches(root)
    everyone = set(range(18))
    left = [frozenset(everyone - set(batches.order(epoch))) for epoch in range(6)]
    assert all(len(out) == 3 for out in left)
    assert all(a != b for a, b in itertools.pairwise(left))
    assert set(Counter(i for out in left for i in out).values()) == {1}


def test_each_epoch_has_an_order_of_its_own(root):
    batches = make_batches(root)
    assert batches.order(0) != batches.order(1)
    assert batches.order(1) == batches.order(1)


def test_shuffling_keeps_windows_of_row_groups_together(root):
    batches = make_batches(root, batch=6, shuffle_groups=1)
    groups = [batches.rows[i].group for i in batches.order(0)]
    changes = sum(a != b for a, b in itertools.pairwise(groups))
    assert changes == len(set(groups)) - 1


def test_fewer_rows_than_a_batch_make_one_smaller_batch(root):
    batches = make_batches(root, batch=100)
    assert (batches.batch, batches.per_epoch, batches.left_out) == (18, 1, 0)


def test_frames_are_those_of_the_shard(root):
    batches = make_batches(root)
    for k in range(3):
        made = batches[k]
        for row, frames in zip(made.rows, made.frames, strict=True):
            phase = str(row.text).split(" ")[0].lower()
            mean = frames.float().mean(dim=(0, 2, 3))
            assert mean.tolist() == pytest.approx(COLOURS[phase], abs=6)


def test_batches_are_the_same_from_memory_disk_and_processes(root):
    cached, read = make_batches(root), make_batches(root, cache_mb=0)
    streamed = read.stream(start=2, stop=5, workers=2)
    for k, made in zip(range(2, 5), streamed, strict=True):
        for other in (cached[k], read[k]):
            assert [row.pair_id for row in made.rows] == [row.pair_id for row in other.rows]
            assert torch.equal(made.frames, other.frames)


def test_a_broken_frame_names_pair_and_shard(tmp_path):
    rows = video_rows(1)
    whole = rows[1].frames[0]
    for broken in (whole[: len(whole) // 2], b"", b"GIF89a"):
        rows[1] = dataclasses.replace(rows[1], frames=[broken] * 4)
        write_shard(tmp_path, rows)
        batches = make_batches(tmp_path, batch=3)
        with pytest.raises(DataError, match=rf"train-00000\.parquet.*{rows[1].pair_id}"):
            batches[0]


def test_one_frame_is_drawn_from_each_segment():
    assert sample_frame_indices(8, 4) == [1, 3, 5, 7]
    assert sample_frame_indices(2, 4) == [0, 0, 1, 1]
    assert sample_frame_indices(100, 2) == [25, 75]
    assert sample_frame_indices(100, 0) == []
    for seed in range(20):
        indices = sample_frame_indices(64, 16, generator(seed))
        assert all(4 * i <= index < 4 * i + 4 for i, index in enumerate(indices))


def test_processes_share_a_batch_and_know_its_rows(root):
    whole = make_batches(root, batch=4)
    parts = [
        make_batches(
            root, batch=5, processes=2, partition=lambda n, rank=rank: slice(2 * rank, 2 * rank + 2)
        )
        for rank in range(2)
    ]
    for k in range(whole.per_epoch):
        first, second = parts[0][k], parts[1][k]
        assert first.rows == second.rows == whole[k].rows
        assert torch.equal(torch.cat([first.frames, second.frames]), whole[k].frames)


def test_too_few_rows_for_the_processes_is_an_error(root):
    with pytest.raises(DataError, match=r"18 clip row.* too few for 20 processes"):
        make_batches(root, processes=20)


def test_context_frames_are_nearest_to_the_times_around_a_span(root):
    rows = open_shards(root, cached_groups=1).rows
    row = dataclasses.replace(rows[0], frame_times_s=(0.0, 2.0, 4.0, 6.0, 8.0, 30.0))
    context = context_frames(row, 4.0, 6.0, count=2, stride_s=3.0)
    assert context.indices == (0, 0, 4, 4)  # Requested at -2, 1, 9 and 12 seconds.
    assert context.offsets_s == (-5.0, -5.0, 3.0, 3.0)
    assert context.mask == (False, True, True, False)


def test_context_frames_come_from_the_same_video(root):
    shards = open_shards(root, cached_groups=2)
    videos = {row.video_id: row for row in shards.rows if row.level == "video"}
    context = ContextSampler(videos=videos, count=1, stride_s=5.0)
    made = make_batches(root, batch=18, context=context)[0]
    assert made.frames.shape[:2] == (18, 2 + 2)
    for i, row in enumerate(made.rows):
        place = int(row.pair_id[-4:])
        assert made.context.mask[i].tolist() == [place > 0, place < 2]
        if place > 0:
            before = made.frames[i, 2].float().mean(dim=(1, 2))
            phase = list(COLOURS)[place - 1]
            assert before.tolist() == pytest.approx(COLOURS[phase], abs=6)


@pytest.fixture
def decoded(monkeypatch):
    """One item for each frame that is decoded."""
    frames = []
    plain_decode = batches.decode
    monkeypatch.setattr(
        batches,
        "decode",
        lambda *args, **options: frames.append(1) or plain_decode(*args, **options),
    )
    return frames


def test_only_requested_frames_are_decoded(root, decoded):
    """A long video is not decoded whole for a few of its frames."""
    made = make_batches(root, cache_mb=0)[0]
    assert len(decoded) == made.frames.shape[0] * made.frames.shape[1]


def test_frames_stay_in_memory_only_if_all_of_them_fit(root):
    shards = open_shards(root, cached_groups=2)
    # Three colours of 2 ** 18 pixels: 4 frames are 3 MiB.
    row = dataclasses.replace(shards.rows[0], frame_times_s=(0.0, 1.0, 2.0, 3.0))
    for cache_mb, fits in ((3, True), (2, False)):
        config = small_config(f"data.cache_mb={cache_mb}").data
        assert FrameStore(shards, [row], config=config, side=512).in_memory is fits


def test_a_context_frame_half_a_stride_off_still_counts(root):
    row = dataclasses.replace(open_shards(root, cached_groups=1).rows[0], frame_times_s=(0.0, 9.0))
    near, far = (
        context_frames(row, 4.0, end_s, count=1, stride_s=4.0).mask for end_s in (7.0, 7.5)
    )
    assert near == (True, True)  # Requested at 0 and 11 seconds.
    assert far == (True, False)


def test_a_clip_without_the_row_of_its_video_has_its_own_frames_around_it(root):
    row = open_shards(root, cached_groups=1).rows[0]
    context = ContextSampler(videos={}, count=1, stride_s=5.0).frames_around(row)
    assert context.row is row


def test_a_draw_at_the_very_end_of_the_last_segment_is_the_last_frame(monkeypatch):
    most = 1 - 2.0**-24  # The largest number that can be drawn.
    monkeypatch.setattr(torch, "rand", lambda count, **_: torch.full((count,), most))
    for total, count in itertools.product((1, 3, 7, 64), (1, 3, 16)):
        indices = sample_frame_indices(total, count, generator(0))
        assert indices[-1] == total - 1
        assert indices == sorted(indices)


def test_a_seed_gives_the_order_and_the_frames_that_it_always_gave(root):
    """A checkpoint of an older version goes on with the batches that it would have had."""
    batches = make_batches(root)
    assert batches.order(0) == [1, 16, 2, 3, 14, 17, 15, 4, 5, 0, 6, 7, 10, 9, 11]
    assert batches.order(1) == [4, 6, 3, 1, 10, 0, 11, 7, 8, 9, 17, 12, 14, 13, 16]
    assert sample_frame_indices(64, 4, generator(3, "clip", "frames", 0, 5)) == [9, 27, 47, 52]


def test_frames_that_fit_into_memory_are_decoded_once_and_in_this_process(root, decoded):
    made = make_batches(root, batch=18)
    for batch in made.stream(start=0, stop=2, workers=2):
        assert batch.frames.shape[0] == 18
        assert not multiprocessing.active_children()
    assert len(decoded) == sum(len(row.frame_times_s) for row in made.rows)


def test_frames_on_disk_are_read_in_this_process_without_workers(root):
    made = make_batches(root, cache_mb=0)
    streamed = list(made.stream(start=0, stop=2, workers=0))
    assert [batch.rows for batch in streamed] == [made[0].rows, made[1].rows]


def test_items_without_context_have_no_times():
    context = stack_context([], 3)
    assert context.offsets_s.shape == context.mask.shape == (3, 0)
