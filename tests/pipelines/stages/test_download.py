"""Local files by their absolute path; what was fetched is not asked for again; what its page gives away."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from ophvl.media.folder import MediaFolder
from ophvl.ports import FetchedVideo, VideoMetadata
from ophvl.sources.blocklists import BlockLists
from ophvl.stage import StageResult
from pipelines.stages.download import DownloadConfig, download
from schemas.catalogue import TABLES
from tests.factories import table, video_id, video_row
from tests.media_factory import NoSpeech, make_video

NOTHING: Mapping[str, pa.Table] = {
    name: TABLES[name].empty() for name in ("media", "publications", "subtitles")
}
PAGE = VideoMetadata(
    url="https://example.org/1",
    webpage_url="https://example.org/watch/1",
    extractor="Eyetube",
    site_id="b7",
    title="By its own page",
    description="A case of Mrs. X",
    tags=("cataract",),
    channel="Eye clinic",
    channel_id="clinic1",
    channel_handle="@clinic",
)


class Site:
    """A downloader that has one video, and counts how often it is asked."""

    revision = "a site"

    def __init__(self, video: Path) -> None:
        self.video = video
        self.asked = 0

    def expand(self, url: str) -> list[VideoMetadata]:
        raise AssertionError

    def fetch(self, url: str, directory: Path, video_id: str) -> FetchedVideo:
        self.asked += 1
        path = directory / f"{video_id}.mp4"
        path.write_bytes(self.video.read_bytes())
        return FetchedVideo(path=path, tool="a tool", metadata=PAGE)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(make_video(tmp_path / "v.mp4", seconds=1.0))


def fetch(
    site: Site,
    out: Path,
    previous: Mapping[str, pa.Table] = NOTHING,
    config: DownloadConfig | None = None,
    **columns: object,
) -> StageResult:
    return download(
        table("videos", video_row(1, channel=None, channel_id=None, **columns)),
        config=config or DownloadConfig(reserve_gb=0.0),
        downloader=site,
        files=MediaFolder(root=out),
        lists=BlockLists.of(out),
        speech=NoSpeech(),
        previous=previous,
    )


def test_a_local_file_goes_by_its_absolute_path_also_below_the_dataset_folder(
    site: Site, tmp_path: Path
) -> None:
    result = fetch(site, tmp_path, location=str(site.video), extractor="file")
    (media,) = result.tables["media"].to_pylist()
    assert (media["path"], site.asked) == (str(site.video), 0)


def test_what_was_fetched_is_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    first = fetch(site, tmp_path)
    config = DownloadConfig(reserve_gb=0.0, assume_surgical=True)
    again = fetch(site, tmp_path, first.tables, config, title="Another title in the list")
    assert site.asked == 1
    assert all(again.tables[name].equals(first.tables[name]) for name in first.tables)
    (tmp_path / "media" / f"{video_id(1)}.mp4").unlink()
    fetch(site, tmp_path, first.tables)
    assert site.asked == 2, "what is gone is fetched anew"


@pytest.mark.parametrize("line", ["channel:@clinic", "channel:clinic1", "eyetube_b7", "b7"])
def test_what_only_its_page_gives_away_is_dropped_once_it_is_fetched(
    site: Site, tmp_path: Path, line: str
) -> None:
    (tmp_path / "block.txt").write_text(f"{line}\n")
    result = fetch(site, tmp_path)
    (drop,) = result.dropped
    assert (drop.row_id, drop.reason) == (video_id(1), "taken_down")
    assert list((tmp_path / "media").iterdir()) == []
    assert {name: rows.num_rows for name, rows in result.tables.items()} == {
        "media": 0,
        "publications": 1,
        "subtitles": 0,
    }
    (page,) = result.tables["publications"].to_pylist()
    assert (page["channel_id"], page["page_id"]) == ("clinic1", "eyetube_b7")
    assert (page["description"], page["tags"], page["chapters"]) == (None, [], [])


def test_what_surely_is_no_surgery_is_not_fetched(site: Site, tmp_path: Path) -> None:
    result = fetch(site, tmp_path, is_surgical="no")
    assert (site.asked, result.dropped[0].reason) == (0, "not_surgical")
    config = DownloadConfig(reserve_gb=0.0, assume_surgical=True)
    assert fetch(site, tmp_path, config=config, is_surgical="no").dropped == ()
