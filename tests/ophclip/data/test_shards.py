"""The shard reader: closed schema, clear errors, and the pixels that were written."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ophclip.data.shards import open_shards
from ophclip.errors import DataError
from schemas.shards import SHARDS
from tests.ophclip.shard_factory import attribute, jpeg, video_rows, write_dataset, write_shard


def test_root_and_shards_folder_are_the_same_dataset(tmp_path):
    root = write_dataset(tmp_path, narrated=2, silent=1)
    by_root = open_shards(root, cached_groups=1)
    by_folder = open_shards(root / "shards", cached_groups=1)
    assert by_root.rows == by_folder.rows
    assert by_root.fingerprint == by_folder.fingerprint
    assert len(by_root.rows) == 2 * 4 + 1


def test_every_row_has_its_own_frames(tmp_path):
    rows = [row for i in range(1, 6) for row in video_rows(i)]
    write_shard(tmp_path, rows)  # Row groups of 8: frames come from several of them.
    shards = open_shards(tmp_path, cached_groups=1)
    for row, written in zip(reversed(shards.rows), reversed(rows), strict=True):
        assert row.pair_id == written.pair_id
        assert list(shards.jpegs(row)) == written.frames


def test_extra_column_names_file_and_column(tmp_path):
    path = write_shard(tmp_path, video_rows(1))
    table = pq.read_table(path)
    extra = table.append_column("mood", pa.array(["calm"] * table.num_rows))
    pq.write_table(extra.replace_schema_metadata(SHARDS.arrow.metadata), path)
    with pytest.raises(DataError, match=r"train-00000\.parquet[\s\S]*mood: extra column"):
        open_shards(tmp_path, cached_groups=1)


def test_missing_column_and_other_version_are_reported_together(tmp_path):
    path = write_shard(tmp_path, video_rows(1))
    table = pq.read_table(path).drop_columns(["title"])
    pq.write_table(table.replace_schema_metadata({"ophvl.version": "99"}), path)
    with pytest.raises(DataError, match=r"title: missing column[\s\S]*wrong version"):
        open_shards(tmp_path, cached_groups=1)


def test_broken_rules_name_the_rows(tmp_path):
    bad = dataclasses.replace(video_rows(1)[0], end_s=-1.0, split="holdout")
    path = write_shard(tmp_path, video_rows(2))
    pq.write_table(SHARDS.table([bad]), path)
    with pytest.raises(DataError, match=r"split: not in set[\s\S]*bad span"):
        open_shards(tmp_path, cached_groups=1)


@pytest.mark.parametrize("content", [b"", b"not a parquet file at all"])
def test_a_file_that_is_no_parquet(tmp_path, content):
    (tmp_path / "train-00000.parquet").write_bytes(content)
    with pytest.raises(DataError, match="not a readable Parquet file"):
        open_shards(tmp_path, cached_groups=1)


def test_no_shards_and_empty_shards(tmp_path):
    with pytest.raises(DataError, match=r"no \*\.parquet files"):
        open_shards(tmp_path, cached_groups=1)
    write_shard(tmp_path, [])
    with pytest.raises(DataError, match="hold no rows"):
        open_shards(tmp_path, cached_groups=1)


def test_a_pair_in_two_files(tmp_path):
    write_shard(tmp_path, video_rows(1))
    write_shard(tmp_path, video_rows(1), name="train-00001")
    with pytest.raises(DataError, match="is in both"):
        open_shards(tmp_path, cached_groups=1)


def test_frames_and_times_must_agree_in_number(tmp_path):
    path = write_shard(tmp_path, video_rows(1))
    row = dataclasses.replace(video_rows(1)[0], frames=[jpeg((9, 9, 9))])
    pq.write_table(SHARDS.table([row]), path)
    shards = open_shards(tmp_path, cached_groups=1)
    with pytest.raises(DataError, match=f"{row.pair_id} has 1 frames and 4 frame times"):
        shards.jpegs(shards.rows[0])


def test_fingerprint_follows_the_data_and_the_manifest(tmp_path):
    root = write_dataset(tmp_path, narrated=1)
    first = open_shards(root, cached_groups=1).fingerprint
    write_shard(root, video_rows(9), name="train-00001")
    second = open_shards(root, cached_groups=1).fingerprint
    (root / "shards" / "manifest.json").write_text("{}", encoding="utf-8")
    third = open_shards(root, cached_groups=1).fingerprint
    assert len({first, second, third}) == 3


def test_each_column_of_a_row_arrives_and_concepts_by_their_kind(tmp_path):
    written = dataclasses.replace(
        video_rows(1)[0],
        channel_id="channel",
        confidence=0.25,
        split="val",
        attributes=[
            attribute("surgery", "cataract"),
            attribute("surgery", "glaucoma", negated=True),
            attribute("surgery", None),
            attribute("phase", "incision"),
        ],
    )
    write_shard(tmp_path, [written])
    (row,) = open_shards(tmp_path, cached_groups=1).rows
    for name in ("channel_id", "confidence", "split", "level", "kind", "video_id", "text", "title"):
        assert getattr(row, name) == getattr(written, name), name
    assert (row.start_s, row.end_s) == (written.start_s, written.end_s)
    assert row.frame_times_s == tuple(written.frame_times_s)
    assert (row.surgeries, row.phases) == ({"cataract"}, {"incision"})


def test_the_row_groups_used_last_stay_in_memory(tmp_path, monkeypatch):
    write_shard(tmp_path, [row for i in range(1, 7) for row in video_rows(i)])
    shards = open_shards(tmp_path, cached_groups=2)
    one, two, three = (next(r for r in shards.rows if r.group == g) for g in range(3))
    read, plain = [], pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile,
        "read_row_group",
        lambda file, group, **options: read.append(group) or plain(file, group, **options),
    )
    for row in (one, two, one, three, one, two):
        shards.jpegs(row)
    assert read == [0, 1, 2, 1]  # The first was used again, so the second made room.
