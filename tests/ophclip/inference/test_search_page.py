"""Where the page of a search is written."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ophclip.data.shards import Shards, open_shards
from ophclip.errors import ConfigError, DataError
from ophclip.inference.search_page import source_locations, write_page
from schemas.videos import VIDEOS
from tests.factories import video_row
from tests.ophclip.shard_factory import write_dataset


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    return open_shards(write_dataset(tmp_path_factory.mktemp("data")), cached_groups=1)


def test_a_page_goes_into_an_old_or_a_new_folder(shards: Shards, tmp_path: Path) -> None:
    for path in (tmp_path / "page.html", tmp_path / "new" / "inner" / "page.html"):
        write_page(path, "red tissue", [], shards, checkpoint="step-2")
        assert "red tissue" in path.read_text(encoding="utf-8")
        assert [found.name for found in path.parent.iterdir() if found.is_file()] == ["page.html"]


def test_a_page_that_cannot_be_written_is_told(shards: Shards, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write "):
        write_page(tmp_path / "file" / "page.html", "x", [], shards, checkpoint="step-2")


def test_the_page_of_a_video_counts_before_its_file(shards: Shards) -> None:
    assert source_locations(shards) == {}
    folder = shards.files[0].parent.parent / "tables" / "videos"
    folder.mkdir(parents=True)
    rows = [
        video_row(1, location="https://h.org/v.mp4", webpage_url="https://h.org/page"),
        video_row(2, location="/data/v.mp4", webpage_url=None),
    ]
    pq.write_table(VIDEOS.table(rows), folder / "part.parquet")
    assert list(source_locations(shards).values()) == ["https://h.org/page", "/data/v.mp4"]
    (folder / "part.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot read the table of videos"):
        source_locations(shards)
