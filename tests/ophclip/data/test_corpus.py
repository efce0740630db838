"""The corpus: training rows alone, each by its use."""

from __future__ import annotations

import dataclasses

import pytest

from ophclip.data.corpus import Corpus
from ophclip.data.shards import open_shards
from ophclip.errors import DataError
from tests.ophclip.shard_factory import video_rows, write_shard


def untitled(rows):
    return [dataclasses.replace(row, title=None) for row in rows]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    write_shard(
        folder,
        [
            *video_rows(1),
            *untitled(video_rows(2)),
            *video_rows(3, kind="silent"),
            *untitled(video_rows(4, kind="silent")),
            *video_rows(5, split="val"),
            *video_rows(6, split="test"),
            *video_rows(7, kind="silent", split="val"),
        ],
    )
    return Corpus.select(open_shards(folder, cached_groups=1))


def numbers(rows):
    return [int(row.video_id.removeprefix("file_"), 16) for row in rows]


def test_rows_are_grouped_by_kind_level_and_title(corpus):
    assert numbers(corpus.clips) == [1, 1, 1, 2, 2, 2]
    assert numbers(corpus.videos) == [1]
    assert numbers(corpus.titled_silent_videos) == [3]
    assert numbers(corpus.silent_videos) == [3, 4]
    assert numbers(corpus.video_rows.values()) == [1, 2, 3, 4]
    assert all(row.level == "video" for row in corpus.video_rows.values())


def test_only_videos_of_split_train_count_as_trained_on(corpus):
    assert corpus.video_ids == tuple(f"file_{number:016x}" for number in (1, 2, 3, 4))


def test_texts_are_those_of_training_each_once(corpus):
    narrations = [clip.text for clip in corpus.clips]
    titles = ["Cataract surgery number 1", "Cataract surgery number 3"]
    assert corpus.texts == [*narrations, *titles]
    assert corpus.narrations == tuple(narrations)
    assert [corpus.clip_index(clip) for clip in corpus.clips] == list(range(6))


def test_fewer_than_two_training_clips_are_refused(tmp_path):
    write_shard(tmp_path, [video_rows(1)[0], *video_rows(2, split="test")])
    with pytest.raises(DataError, match=r"1 clip row\(s\) with split train"):
        Corpus.select(open_shards(tmp_path, cached_groups=1))
