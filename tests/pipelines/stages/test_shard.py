"""Shards: rows with their pictures, one split a file, the manifest true."""

import io
import itertools
import json

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ophvl.ids import sha256_file
from pipelines.stages.pair import frame_times
from pipelines.stages.shard import ShardConfig, shard
from schemas.frames import FRAMES, FrameRow
from schemas.pairs import PAIRS, PairRow
from schemas.shards import SHARDS
from schemas.splits import SPLITS, SplitRow
from tests.factories import pair_row

VIDEOS = {f"file_{number:016x}": ("val" if number == 3 else "train") for number in range(8)}


def jpeg(level: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8), level).save(file, "JPEG")
    return file.getvalue()


def level_of(video_id: str, time_s: float) -> int:
    return (int(video_id[-2:], 16) * 30 + int(time_s)) % 256


def pair_rows(video_id: str, split: str) -> list[PairRow]:
    def row(pair_id: str, level: str, text: str | None, times: list[float]) -> PairRow:
        return pair_row(
            0,
            pair_id=pair_id,
            level=level,
            video_id=video_id,
            start_s=0.0,
            end_s=16.0,
            text=text,
            split=split,
            frame_times_s=times,
        )

    return [
        row(f"{video_id}-n0000", "clip", "I cut.", frame_times(0.0, 8.0, 4)),
        row(f"{video_id}-v", "video", None, frame_times(0.0, 16.0, 8)),
    ]


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    pairs = [row for video_id, split in VIDEOS.items() for row in pair_rows(video_id, split)]
    times = {(p.video_id, t) for p in pairs for t in p.frame_times_s}
    frames = [
        FrameRow(
            video_id=video_id,
            media_sha256="0" * 64,
            time_s=time_s,
            width=8,
            height=8,
            short_side=8,
            quality=90,
            jpeg=jpeg(level_of(video_id, time_s)),
        )
        for video_id, time_s in sorted(times)
    ]
    splits = [SplitRow(video_id=video_id, split=split) for video_id, split in VIDEOS.items()]
    return {
        "pairs": PAIRS.table(pairs),
        "frames": FRAMES.table(frames),
        "splits": SPLITS.table(splits),
    }


@pytest.fixture
def read(tables):
    def read(table, columns=None, video_ids=None):
        rows = tables[table]
        if video_ids is not None:
            rows = rows.filter(pc.is_in(rows.column("video_id"), pa.array(list(video_ids))))
        return rows.select(columns) if columns else rows

    return read


@pytest.fixture
def folder(read, tmp_path):
    shard(read, config=ShardConfig(row_group_bytes=2000), folder=tmp_path)
    return tmp_path


def test_each_split_has_its_own_file_and_empty_ones_have_none(folder) -> None:
    assert sorted(p.name for p in folder.iterdir()) == [
        "manifest.json",
        "train-00000.parquet",
        "val-00000.parquet",
    ]


def test_rows_keep_the_schema_and_every_pair_is_there_once(folder, tables) -> None:
    rows = pa.concat_tables([pq.read_table(p) for p in sorted(folder.glob("*.parquet"))])
    assert SHARDS.check(rows) == []
    assert sorted(rows.column("pair_id").to_pylist()) == sorted(
        tables["pairs"].column("pair_id").to_pylist()
    )


def test_every_picture_is_the_one_of_its_video_and_time(folder) -> None:
    for row in pq.read_table(folder / "train-00000.parquet").to_pylist():
        for time_s, picture in zip(row["frame_times_s"], row["frames"], strict=True):
            seen = Image.open(io.BytesIO(picture)).getpixel((4, 4))
            assert seen == pytest.approx(level_of(row["video_id"], time_s), abs=3)


def test_rows_of_one_video_do_not_stand_together(folder) -> None:
    videos = pq.read_table(folder / "train-00000.parquet").column("video_id").to_pylist()
    together = sum(a == b for a, b in itertools.pairwise(videos))
    assert together < len(set(videos)) / 2


def test_row_groups_stay_near_their_size(folder) -> None:
    file = pq.ParquetFile(folder / "train-00000.parquet")
    assert file.num_row_groups > 1


def test_a_row_that_is_larger_than_a_row_group_has_one_to_itself(read, tmp_path) -> None:
    shard(read, config=ShardConfig(row_group_bytes=1), folder=tmp_path)
    file = pq.ParquetFile(tmp_path / "train-00000.parquet")
    assert file.num_row_groups == file.metadata.num_rows


def test_manifest_is_true(folder) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["rows"] == {
        "train clip narrated": 7,
        "train video narrated": 7,
        "val clip narrated": 1,
        "val video narrated": 1,
    }
    for file in manifest["shards"]:
        assert file["sha256"] == sha256_file(folder / file["name"])
        assert file["bytes"] == (folder / file["name"]).stat().st_size


def test_small_shards_hold_whole_videos(tables, tmp_path) -> None:
    def read(table, columns=None, video_ids=None):
        rows = tables[table]
        if video_ids is not None:
            rows = rows.filter(pc.is_in(rows.column("video_id"), pa.array(list(video_ids))))
        return rows.select(columns) if columns else rows

    shard(read, config=ShardConfig(shard_bytes=1), folder=tmp_path)
    homes: dict[str, set[str]] = {}
    for path in tmp_path.glob("*.parquet"):
        for video_id in pq.read_table(path, columns=["video_id"]).column(0).to_pylist():
            homes.setdefault(video_id, set()).add(path.name)
    assert all(len(names) == 1 for names in homes.values())
