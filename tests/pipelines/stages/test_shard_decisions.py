"""What stage shard writes: which rows in which file, in which order, each with its own pictures."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ophvl.errors import UsageError
from pipelines.stages.shard import ShardConfig, shard
from tests.factories import frame_row, pair_row, split_row, table, video_id

SPLITS = {n: ("test" if n in (2, 70) else "val" if n == 5 else "train") for n in range(80)}
"""More videos than are read at once."""


def picture(number: int, time_s: float) -> bytes:
    return f"video {number} at {time_s}".encode()


def tables(splits: dict[int, str]) -> dict[str, pa.Table]:
    pairs, frames = [], []
    for n, split in splits.items():
        for clip, times in enumerate(([2.5, 0.5, 1.5], [0.5])):
            pairs.append(
                pair_row(n, pair_id=f"{video_id(n)}-n{clip:04d}", frame_times_s=times, split=split)
            )
        frames += [frame_row(n, time_s=t, jpeg=picture(n, t)) for t in (0.5, 1.5, 2.5)]
    return {
        "pairs": table("pairs", *pairs),
        "frames": table("frames", *reversed(frames)),
        "splits": table("splits", *(split_row(n, split=s) for n, s in splits.items())),
    }


def write(given: dict[str, pa.Table], folder: Path, **settings: int) -> dict[str, list[dict]]:
    """The rows of each file, in order of the files."""

    def read(name, columns=None, video_ids=None):
        rows = given[name]
        if video_ids is not None:
            rows = rows.filter(pc.is_in(rows.column("video_id"), pa.array(list(video_ids))))
        return rows.select(columns) if columns else rows

    folder.mkdir()
    shard(read, config=ShardConfig(**settings), folder=folder)
    return {p.name: pq.read_table(p).to_pylist() for p in sorted(folder.glob("*.parquet"))}


@pytest.fixture(scope="module")
def whole() -> dict[str, pa.Table]:
    return tables(SPLITS)


def digest(identity: str) -> bytes:
    return hashlib.sha256(identity.encode()).digest()


def test_each_row_stands_in_a_file_of_its_split(whole, tmp_path: Path) -> None:
    files = write(whole, tmp_path / "shards")
    assert sorted(files) == ["test-00000.parquet", "train-00000.parquet", "val-00000.parquet"]
    for name, rows in files.items():
        assert {row["split"] for row in rows} == {name.split("-")[0]}
    assert {name: len(rows) for name, rows in files.items()} == {
        "test-00000.parquet": 4,
        "train-00000.parquet": 154,
        "val-00000.parquet": 2,
    }


def test_rows_of_a_file_stand_in_the_order_of_the_hash_of_their_ids(whole, tmp_path: Path) -> None:
    for rows in write(whole, tmp_path / "shards").values():
        ids = [row["pair_id"] for row in rows]
        assert ids == sorted(ids, key=digest)


def test_files_are_filled_in_the_order_of_the_hash_of_the_videos(whole, tmp_path: Path) -> None:
    files = write(whole, tmp_path / "shards", shard_bytes=1)
    filled = [[row["video_id"] for row in rows] for name, rows in files.items() if "train" in name]
    assert len(filled) == 3
    order = sorted({v for videos in filled for v in videos}, key=digest)
    assert [set(videos) for videos in filled] == [
        set(order[0:32]),
        set(order[32:64]),
        set(order[64:]),
    ]


@pytest.mark.parametrize(("share", "files"), [(0.7, 3), (1.3, 2), (2.5, 1)])
def test_a_file_is_closed_once_its_rows_reach_the_size(
    whole, tmp_path: Path, share: float, files: int
) -> None:
    """Of 77 training videos 32 are read at once: three loads, the last one smaller."""
    write(whole, tmp_path / "by load", shard_bytes=1)
    load = pq.read_table(tmp_path / "by load" / "train-00000.parquet").nbytes
    written = write(whole, tmp_path / "shards", shard_bytes=int(share * load))
    assert sum("train" in name for name in written) == files


def test_pictures_and_times_of_a_row_match_one_by_one(whole, tmp_path: Path) -> None:
    rows = [row for rows in write(whole, tmp_path / "shards").values() for row in rows]
    assert len(rows) == 2 * len(SPLITS)
    for row in rows:
        number = int(row["video_id"][-5:])
        assert row["frame_times_s"] == ([2.5, 0.5, 1.5] if "-n0000" in row["pair_id"] else [0.5])
        assert row["frames"] == [picture(number, time_s) for time_s in row["frame_times_s"]]


def test_a_video_without_split_or_pairs_is_in_no_file(tmp_path: Path) -> None:
    given = tables({1: "train", 2: "val", 3: "train"})
    given["splits"] = table("splits", split_row(1), split_row(2, split="val"))
    given["pairs"] = given["pairs"].filter(pc.field("video_id") != video_id(2))
    files = write(given, tmp_path / "shards")
    assert list(files) == ["train-00000.parquet"]
    assert {row["video_id"] for row in files["train-00000.parquet"]} == {video_id(1)}


def test_pairs_newer_than_their_frames_are_refused_with_the_command_to_run(tmp_path: Path) -> None:
    given = tables({1: "train"})
    given["frames"] = given["frames"].filter(pc.field("time_s") != 1.5)
    with pytest.raises(
        UsageError, match=rf"{video_id(1)} has no picture at 1\.5 s.*frames\.\.shard"
    ):
        write(given, tmp_path / "shards")


def test_the_manifest_counts_rows_by_split_level_and_kind(tmp_path: Path) -> None:
    given = tables({1: "train", 2: "val"})
    silent = {"level": "video", "kind": "silent", "text": None, "frame_times_s": [0.5]}
    extra = pair_row(1, pair_id=f"{video_id(1)}-v", **silent)
    given["pairs"] = pa.concat_tables([given["pairs"], table("pairs", extra)])
    write(given, tmp_path / "shards")
    manifest = json.loads((tmp_path / "shards" / "manifest.json").read_text())
    assert manifest["rows"] == {
        "train clip narrated": 2,
        "train video silent": 1,
        "val clip narrated": 2,
    }
    assert [(s["name"], s["split"], s["rows"]) for s in manifest["shards"]] == [
        ("train-00000.parquet", "train", 3),
        ("val-00000.parquet", "val", 2),
    ]
