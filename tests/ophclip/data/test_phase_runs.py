"""Runs of narrations of one phase: where they begin and end, and what is drawn from them."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ophclip.data.batches import FrameStore, generator
from ophclip.data.phase_runs import phase_runs
from ophclip.data.shards import open_shards
from tests.ophclip.shard_factory import attribute, small_config, video_rows, write_shard


def opened(folder, *videos):
    """Clips of 10 s. Each word of a video is a clip, each of its letters a phase it names; "-" is none."""
    rows = []
    for number, named in enumerate(videos, start=1):
        (clip, *_), video = video_rows(number)[:-1], f"file_{number:016x}"
        rows += [
            dataclasses.replace(
                clip,
                pair_id=f"{video}-n{place:04d}",
                start_s=10.0 * place,
                end_s=10.0 * place + 10,
                text=f"{video} {place}",
                frame_times_s=[10.0 * place + s for s in (1, 3, 5, 7)],
                attributes=[attribute("phase", f"phase_{letter}") for letter in names.strip("-")],
            )
            for place, names in enumerate(named.split())
        ]
    # Shards are not in the order of time.
    write_shard(folder, rows[::-1])
    return open_shards(folder, cached_groups=1)


def spans(runs):
    return [
        (run.phase.removeprefix("phase_"), *(int(c.pair_id[-4:]) for c in run.clips))
        for run in runs
    ]


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("a a b b b", [("a", 0, 1), ("b", 2, 3, 4)]),
        ("a a -", [("a", 0, 1)]),
        ("- a - - a - b", [("a", 1, 2, 3, 4)]),
        ("a b a", []),
        ("a ab a", []),
        ("ab ab", []),
        ("a - b - a - a", [("a", 4, 5, 6)]),
        ("- - -", []),
        ("a", []),
    ],
)
def test_a_run_begins_and_ends_where_its_phase_is_named(tmp_path, named, found):
    assert spans(phase_runs(opened(tmp_path, named).rows)) == found


def test_videos_do_not_run_into_each_other(tmp_path):
    runs = phase_runs(opened(tmp_path, "b a", "a a", "a c").rows)
    assert spans(runs) == [("a", 0, 1)]
    assert runs[0].key == "file_0000000000000002-n0000"
    assert runs[0].narrations == ("file_0000000000000002 0", "file_0000000000000002 1")


def test_what_is_negated_or_no_concept_names_nothing(tmp_path):
    rows = [dataclasses.replace(row, attributes=[]) for row in video_rows(1)[:2]]
    rows[0].attributes.append(attribute("phase", "incision"))
    rows[0].attributes.append(attribute("phase", "suturing", negated=True))
    rows[0].attributes.append(attribute("phase", None))
    rows[1].attributes.append(attribute("phase", "incision"))
    write_shard(tmp_path, rows)
    (run,) = phase_runs(open_shards(tmp_path, cached_groups=1).rows)
    assert (run.phase, len(run.clips)) == ("incision", 2)


def test_pictures_come_from_the_whole_run_in_the_order_of_time(tmp_path):
    shards = opened(tmp_path, "a - a")
    (run,) = phase_runs(shards.rows)
    config = small_config()
    store = FrameStore(shards, shards.rows, config=config.data, side=64)
    frames = run.frames(store, 12, generator("whole"))
    shown = torch.cat([store.frames(clip, range(4)) for clip in run.clips])
    assert torch.equal(frames, shown)  # As many as there are: each once.
    assert run.frames(store, 3, generator("few")).shape == (3, 3, 64, 64)
