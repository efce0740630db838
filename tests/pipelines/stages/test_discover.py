"""Local files, folders and sidecars become catalogue rows; what leads nowhere says why."""

import json
from pathlib import Path

import pytest

from ophvl.errors import ItemError
from ophvl.sources.source_list import read_source_list
from pipelines.stages.discover import DiscoverConfig, discover
from schemas.videos import VIDEOS
from schemas.vocab import FailureKind
from tests.media_factory import make_video


@pytest.fixture
def found(tmp_path, matcher):
    """Discover what one line of a list leads to."""

    def run(text: str) -> list[dict[str, object]]:
        (tmp_path / "list.txt").write_text(text)
        (line,) = read_source_list(tmp_path / "list.txt")
        table = discover(line, config=DiscoverConfig(), downloader=None, matcher=matcher).tables[
            "videos"
        ]
        assert VIDEOS.check(table) == []
        return table.to_pylist()

    return run


def test_a_copy_under_another_name_is_the_same_video(tmp_path: Path, found) -> None:
    make_video(tmp_path / "a.mp4", seconds=1.0)
    (tmp_path / "b.mp4").write_bytes((tmp_path / "a.mp4").read_bytes())
    (first,), (second,) = found("a.mp4"), found("b.mp4")
    assert first["video_id"] == second["video_id"]
    assert (first["title"], second["title"]) == ("a", "b")


def test_a_folder_gives_its_videos_once_and_nothing_else(tmp_path: Path, found) -> None:
    (tmp_path / "case" / "deep").mkdir(parents=True)
    make_video(tmp_path / "case" / "b.MP4", seconds=1.0)
    make_video(tmp_path / "case" / "deep" / "a.mp4", seconds=2.0)
    (tmp_path / "case" / "copy.mp4").write_bytes((tmp_path / "case" / "b.MP4").read_bytes())
    (tmp_path / "case" / "notes.txt").write_text("no video")
    assert len(found("case")) == 2


def test_a_sidecar_is_read_and_what_does_not_fit_in_it_is_left_out(tmp_path: Path, found) -> None:
    make_video(tmp_path / "a.mp4", seconds=1.0)
    info = {
        "title": "PHACO+PCIOL RE ||",
        "description": 7,
        "uploader": "Eye TV",
        "duration": "long",
        "tags": ["cataract", 3],
        "chapters": [{"title": "Rhexis", "start_time": 1, "end_time": 2}, {"title": "broken"}, 5],
        "license": "Creative Commons Attribution licence (reuse allowed)",
    }
    (tmp_path / "a.info.json").write_text(json.dumps(info), encoding="utf-8")
    (row,) = found("a.mp4")
    assert (row["title"], row["description"], row["channel"]) == (info["title"], None, "Eye TV")
    assert (row["listed_duration_s"], row["tags"]) == (None, ["cataract"])
    assert row["chapters"] == [{"title": "Rhexis", "start_s": 1.0, "end_s": 2.0}]
    assert (row["licence_class"], row["is_surgical"]) == ("open", "yes")


@pytest.mark.parametrize("content", ["{", "[1]", "\x00"])
def test_a_broken_sidecar_is_named(tmp_path: Path, found, content) -> None:
    make_video(tmp_path / "a.mp4", seconds=1.0)
    (tmp_path / "a.info.json").write_text(content)
    with pytest.raises(ItemError, match=r"a\.info\.json.*mend or remove") as caught:
        found("a.mp4")
    assert caught.value.kind is FailureKind.UNREADABLE


@pytest.mark.parametrize("line", ["nothing.mp4", "empty"])
def test_a_line_that_leads_nowhere_says_so(tmp_path: Path, found, line) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ItemError) as caught:
        found(line)
    assert caught.value.kind is FailureKind.NOT_FOUND
