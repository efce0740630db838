"""Local files, folders and sidecars become catalogue rows; what leads nowhere says why."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from ophvl.errors import ItemError
from ophvl.ports import Chapter, FetchedVideo, VideoMetadata
from ophvl.sources.source_list import read_source_list
from pipelines.stages.discover import DiscoverConfig, discover
from schemas.videos import VIDEOS
from schemas.vocab import FailureKind, WarningKind
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
        "chapters": [
            {"title": "Rhexis", "start_time": 1, "end_time": 2},
            {"title": "without end", "start_time": 2},
            {"title": "broken"},
            5,
        ],
        "license": "Creative Commons Attribution licence (reuse allowed)",
    }
    (tmp_path / "a.info.json").write_text(json.dumps(info), encoding="utf-8")
    (row,) = found("a.mp4")
    assert (row["title"], row["description"], row["channel"]) == (info["title"], None, "Eye TV")
    assert (row["listed_duration_s"], row["tags"]) == (None, ["cataract"])
    assert row["chapters"] == [{"title": "Rhexis", "start_s": 1.0, "end_s": 2.0}]
    assert (row["licence_class"], row["is_surgical"]) == ("open", "yes")


@pytest.mark.parametrize("duration", [True, -1, "7"])
def test_a_duration_is_a_number_from_0(tmp_path: Path, found, duration: object) -> None:
    make_video(tmp_path / "a.mp4", seconds=1.0)
    (tmp_path / "a.info.json").write_text(json.dumps({"duration": duration}), encoding="utf-8")
    assert found("a.mp4")[0]["listed_duration_s"] is None


def test_a_bad_file_costs_itself_and_is_told(tmp_path: Path, matcher) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    make_video(folder / "phaco.mp4", seconds=1.0)
    (folder / "phaco.info.json").write_text("{")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    (tmp_path / "list.txt").write_text("case")
    (line,) = read_source_list(tmp_path / "list.txt")
    result = discover(line, config=DiscoverConfig(), downloader=None, matcher=matcher)
    assert result.tables["videos"].column("title").to_pylist() == ["phaco"]
    told = {warning.item: warning.message for warning in result.warnings}
    assert set(told) == {"phaco.info.json", "pipe.mp4", "gone.mp4"}
    assert {warning.kind for warning in result.warnings} == {WarningKind.FILE_UNUSABLE}
    assert "is a pipe" in told["pipe.mp4"]
    assert told["phaco.info.json"].startswith("it is not readable JSON")


def test_an_address_without_end_is_refused(found) -> None:
    with pytest.raises(ItemError, match="has 9020 characters") as caught:
        found(f"https://e.example/{'a' * 9_002}")
    assert caught.value.kind is FailureKind.UNSUPPORTED


def test_bad_files_of_one_name_in_two_folders_are_both_told(tmp_path: Path, matcher) -> None:
    for name in ("a", "b"):
        (tmp_path / "case" / name).mkdir(parents=True)
        (tmp_path / "case" / name / "clip.mp4").write_bytes(name.encode())
        (tmp_path / "case" / name / "clip.info.json").write_text("{" if name == "a" else "[1]")
    (tmp_path / "list.txt").write_text("case")
    (line,) = read_source_list(tmp_path / "list.txt")
    result = discover(line, config=DiscoverConfig(), downloader=None, matcher=matcher)
    (warning,) = result.warnings
    assert warning.item == "clip.info.json"
    assert "2 files: it is not readable JSON" in warning.message
    assert "it holds no JSON object" in warning.message


def test_a_line_that_names_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path, found) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for text, kind in (("pipe.mp4", "a pipe"), ("/dev/zero", "a device"), ("/proc/kmsg", "system")):
        with pytest.raises(ItemError, match=kind) as caught:
            found(text)
        assert caught.value.kind is FailureKind.UNREADABLE


@pytest.mark.parametrize("line", ["nothing.mp4", "empty"])
def test_a_line_that_leads_nowhere_says_so(tmp_path: Path, found, line) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ItemError) as caught:
        found(line)
    assert caught.value.kind is FailureKind.NOT_FOUND


def test_a_folder_of_unusable_files_says_what_is_wrong_with_one(tmp_path: Path, found) -> None:
    (tmp_path / "case").mkdir()
    os.mkfifo(tmp_path / "case" / "pipe.mp4")
    with pytest.raises(ItemError, match=r"holds no video file .*; pipe\.mp4: .* is a pipe"):
        found("case")


@pytest.mark.parametrize("text", ["x" * 300, "a\0b", "circle/"])
def test_a_name_that_the_file_system_refuses_is_not_found(tmp_path: Path, found, text) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(ItemError, match="mend the line or the path") as caught:
        found(text)
    assert caught.value.kind is FailureKind.NOT_FOUND


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A downloader whose address leads to these videos."""

    videos: tuple[VideoMetadata, ...]
    revision: str = "a listing"

    def expand(self, url: str) -> list[VideoMetadata]:
        assert url == "https://example.org/list"
        return list(self.videos)

    def fetch(self, url: str, directory: Path, video_id: str) -> FetchedVideo:
        raise AssertionError


def listed(number: int, title: str, **columns: object) -> VideoMetadata:
    values: dict[str, object] = {
        "url": f"https://example.org/{number}",
        "webpage_url": f"https://example.org/watch/{number}",
        "extractor": "Eyetube",
        "site_id": f"b{number}",
        "title": title,
    }
    return VideoMetadata(**{**values, **columns})


def expand(tmp_path: Path, matcher, *videos: VideoMetadata) -> list[dict[str, object]]:
    (tmp_path / "list.txt").write_text("https://example.org/list")
    (line,) = read_source_list(tmp_path / "list.txt")
    made = discover(
        line, config=DiscoverConfig(), downloader=Listing(videos=videos), matcher=matcher
    ).tables["videos"]
    assert VIDEOS.check(made) == []
    assert {row["line_id"] for row in made.to_pylist()} <= {line.line_id}
    return made.to_pylist()


def test_a_list_gives_each_video_once_as_it_is_first_named_and_in_order(
    tmp_path: Path, matcher
) -> None:
    rows = expand(
        tmp_path, matcher, listed(2, "Second"), listed(1, "First"), listed(2, "Second again")
    )
    assert [(row["video_id"], row["title"]) for row in rows] == [
        ("eyetube_b2", "Second"),
        ("eyetube_b1", "First"),
    ]
    assert [row["location"] for row in rows] == ["https://example.org/2", "https://example.org/1"]


def test_a_row_holds_what_the_list_says_and_what_follows_from_it(tmp_path: Path, matcher) -> None:
    chapter = Chapter(title="Incision", start_s=1.0, end_s=2.5)
    (row,) = expand(
        tmp_path,
        matcher,
        listed(
            1,
            "case_7",
            description="Phacoemulsification of a brunescent cataract.",
            licence="by-nc",
            chapters=(chapter,),
            duration_s=61.5,
            tags=("phaco",),
            channel="Clinic",
            channel_id="c1",
        ),
    )
    assert (row["licence"], row["licence_class"]) == ("by-nc", "non_commercial")
    assert row["is_surgical"] == "yes", "the description says so"
    assert row["chapters"] == [{"title": "Incision", "start_s": 1.0, "end_s": 2.5}]
    assert (row["listed_duration_s"], row["tags"]) == (61.5, ["phaco"])
    assert (row["channel"], row["channel_id"], row["extractor"]) == ("Clinic", "c1", "Eyetube")
    (other,) = expand(tmp_path, matcher, listed(1, "Smokey eye makeup"))
    assert (other["is_surgical"], other["licence_class"]) == ("no", "unknown")


def test_a_file_counts_as_a_video_however_its_ending_is_spelt(tmp_path: Path, found) -> None:
    (tmp_path / "case").mkdir()
    make_video(tmp_path / "case" / "a.mp4", seconds=1.0).rename(tmp_path / "case" / "a.MP4")
    assert [row["title"] for row in found("case")] == ["a"]


def test_files_of_a_folder_come_in_the_order_of_their_paths(tmp_path: Path, found) -> None:
    (tmp_path / "case").mkdir()
    for name, seconds in (("b.mp4", 1.0), ("a.mp4", 2.0), ("c.mp4", 3.0)):
        make_video(tmp_path / "case" / name, seconds=seconds)
    assert [row["title"] for row in found("case")] == ["a", "b", "c"]


def test_a_file_named_by_itself_may_end_as_it_likes(tmp_path: Path, found) -> None:
    make_video(tmp_path / "a.mp4", seconds=1.0).rename(tmp_path / "a.film")
    (row,) = found("a.film")
    assert (row["title"], row["location"]) == ("a", str(tmp_path / "a.film"))
    assert row["extractor"] == "file"


def test_a_sidecar_prefers_the_channel_to_the_uploader(tmp_path: Path, found) -> None:
    make_video(tmp_path / "a.mp4", seconds=1.0)
    info = {"channel": "Clinic", "channel_id": "c1", "uploader": "U", "uploader_id": "@clinic"}
    (tmp_path / "a.info.json").write_text(json.dumps({**info, "duration": 7}))
    (row,) = found("a.mp4")
    assert (row["channel"], row["channel_id"], row["channel_handle"]) == ("Clinic", "c1", "@clinic")
    assert (row["listed_duration_s"], row["title"]) == (7.0, "a")
