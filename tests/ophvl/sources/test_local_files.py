"""A bad file costs itself, a bad metadata file its metadata, and a bad field that field."""

from __future__ import annotations

import json
import os
import socket
import time
import unicodedata
from pathlib import Path

import pytest

from ophvl.errors import ItemError
from ophvl.ports import Chapter
from ophvl.sources.local_files import (
    Unusable,
    files_below,
    metadata_path,
    read_video,
    require_regular,
    videos_in,
)
from ophvl.sources.source_list import read_source_list


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "Phacoemulsification.mp4"
    path.write_bytes(b"content")
    return path


def write(video: Path, content: str | bytes) -> None:
    data = content if isinstance(content, bytes) else content.encode()
    video.with_suffix(".info.json").write_bytes(data)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not readable JSON"),
        ("", "not readable JSON"),
        ("[1, 2]", "no JSON object"),
        ('"text"', "no JSON object"),
        ("null", "no JSON object"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, "nested too deeply"),
        ('{"title":"Cirugía"}'.encode("latin-1"), "not UTF-8"),
        ('{"title":"x"}'.encode("utf-16"), "not UTF-8"),
        (b"\x00" * 100, "not readable JSON"),
    ],
)
def test_metadata_that_cannot_be_read_is_lost_and_told(
    video: Path, content: str | bytes, reason: str
) -> None:
    write(video, content)
    read = read_video(video)
    assert (read.metadata.title, read.metadata.duration_s) == ("Phacoemulsification", None)
    (lost,) = read.unusable
    assert lost.name == "Phacoemulsification.info.json"
    assert reason in lost.reason


def test_metadata_may_be_a_folder_a_pipe_or_a_link_to_nowhere(video: Path) -> None:
    path = video.with_suffix(".info.json")
    for make in (path.mkdir, lambda: os.mkfifo(path), lambda: path.symlink_to("nowhere")):
        make()  # type: ignore[operator]
        (lost,) = read_video(video).unusable
        assert lost.name == path.name
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("number", "seconds"),
    [
        ("61.5", 61.5),
        ("0", 0.0),
        ("1" + "0" * 400, None),
        ("1" + "0" * 5_000, None),
        ("-1", None),
        ("1e999", None),
        ("NaN", None),
        ("-Infinity", None),
        ("true", None),
        ('"61"', None),
        ("[1]", None),
        ("1e8", None),
    ],
)
def test_a_number_out_of_range_costs_its_field(
    video: Path, number: str, seconds: float | None
) -> None:
    write(video, f'{{"title": "DMEK", "duration": {number}}}')
    read = read_video(video)
    assert (read.metadata.title, read.metadata.duration_s) == ("DMEK", seconds)
    reason = "field(s) duration do not fit"
    expected = (
        [] if seconds is not None else [Unusable(name=f"{video.stem}.info.json", reason=reason)]
    )
    assert read.unusable == expected


def test_half_a_surrogate_pair_is_left_out(video: Path) -> None:
    write(video, r'{"title": "Phaco \ud83d!", "tags": ["\udc00"], "description": "\ud83d\ude00"}')
    metadata = read_video(video).metadata
    assert (metadata.title, metadata.tags) == ("Phaco !", ())
    assert metadata.description == "\N{GRINNING FACE}"


def test_each_field_is_taken_for_itself(video: Path) -> None:
    chapters = [
        {"title": "Incision", "start_time": 0, "end_time": 9.5},
        {"title": "No end", "start_time": 9},
        {"title": 7, "start_time": 9, "end_time": 10},
        {"title": " ", "start_time": 9, "end_time": 10},
        {"title": "Backwards", "start_time": 9, "end_time": 8},
        {"title": "Empty", "start_time": 9, "end_time": 9},
        "text",
    ]
    info = {
        "title": 3,
        "description": " d ",
        "tags": ["a", 1],
        "chapters": chapters,
        "language": {},
    }
    write(video, json.dumps(info))
    read = read_video(video)
    assert (read.metadata.title, read.metadata.description) == ("Phacoemulsification", "d")
    assert read.metadata.tags == ("a",)
    assert read.metadata.chapters == (Chapter(title="Incision", start_s=0.0, end_s=9.5),)
    (lost,) = read.unusable
    assert lost.reason == "field(s) title, chapters, tags, language do not fit"


def test_null_is_no_loss(video: Path) -> None:
    write(video, json.dumps(dict.fromkeys(("title", "duration", "chapters", "tags", "license"))))
    assert read_video(video).unusable == []


def test_both_spellings_of_a_name_find_their_metadata(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(f, "Müller 眼科") for f in ("NFC", "NFD"))
    for one, other in ((composed, decomposed), (decomposed, composed)):
        video = tmp_path / f"{one}.mp4"
        video.write_bytes(b"content")
        beside = tmp_path / f"{other}.info.json"
        beside.write_text('{"title": "DMEK"}')
        assert metadata_path(video) == beside
        assert read_video(video).metadata.title == "DMEK"
        beside.unlink()
        assert metadata_path(video) is None


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket.mp4"))
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    for path in (
        *tmp_path.iterdir(),
        *map(Path, ("/dev/null", "/proc/self/environ", "/sys/kernel")),
    ):
        with pytest.raises(ItemError):
            require_regular(path)
    server.close()
    _, unusable = videos_in(tmp_path)
    assert {one.name for one in unusable} == {"pipe.mp4", "socket.mp4", "loop.mp4"}


def test_hidden_files_and_folders_of_systems_are_passed_over(tmp_path: Path) -> None:
    hidden = ("._v.mp4", ".v.mp4", ".Trash/v.mp4", ".Trashes/501/v.mp4", "$RECYCLE.BIN/v.mp4")
    more = ("System Volume Information/v.mp4", "lost+found/v.mp4", "@eaDir/v.mp4", "__MACOSX/v.mp4")
    for number, name in enumerate((*hidden, *more, "case/v.mp4")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]))
    videos, unusable = videos_in(tmp_path)
    assert [video.metadata.url for video in videos] == [str(tmp_path / "case" / "v.mp4")]
    assert unusable == []


def test_a_name_that_is_no_text_costs_its_file(tmp_path: Path) -> None:
    (tmp_path / "good.mp4").write_bytes(b"1")
    bad = os.fsencode(tmp_path) + b"/bad\xff.mp4"
    Path(os.fsdecode(bad)).write_bytes(b"2")
    videos, (lost,) = videos_in(tmp_path)
    assert [video.metadata.title for video in videos] == ["good"]
    assert lost.name == r"bad\xff.mp4"
    lost.reason.encode()
    # A list that names the folder is read too, and notices a change of such a file.
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "list.txt").write_text(str(tmp_path))
    (before,) = read_source_list(tmp_path / "list" / "list.txt")
    Path(os.fsdecode(bad)).write_bytes(b"longer")
    (after,) = read_source_list(tmp_path / "list" / "list.txt")
    assert before.stamp != after.stamp


def test_a_folder_that_links_to_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"1")
    (tmp_path / "again").symlink_to(tmp_path)
    assert [path.name for path in files_below(tmp_path)] == ["v.mp4"]


def test_a_change_of_the_metadata_beside_a_file_is_noticed(video: Path) -> None:
    listed = video.with_name("list.txt")
    listed.write_text(video.name)
    (before,) = read_source_list(listed)
    write(video, "{}")
    (after,) = read_source_list(listed)
    assert before.stamp != after.stamp


def test_no_field_of_text_keeps_half_a_surrogate_pair(video: Path) -> None:
    names = ("title", "description", "webpage_url", "uploader_id", "uploader_url", "channel_id")
    more = ("channel", "upload_date", "language", "license")
    fields = ", ".join(f'"{name}": "@a\\ud83db"' for name in (*names, *more))
    write(video, f"{{{fields}}}")
    metadata = read_video(video).metadata
    for value in vars(metadata).values():
        str(value).encode()
    assert metadata.webpage_url == metadata.channel_id == "@ab"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        *[("20260131", "20260131"), ("2026-01-31", "20260131"), ("20260231", None)],
        *[("yesterday", None), ("2026", None), ("20260131T10", None)],
    ],
)
def test_a_day_that_is_none_costs_its_field(video: Path, text: str, day: str | None) -> None:
    write(video, json.dumps({"upload_date": text}))
    read = read_video(video)
    assert read.metadata.upload_date == day
    told = [lost.reason for lost in read.unusable]
    assert told == ([] if day else ["field(s) upload_date do not fit"])


def test_a_title_that_shows_nothing_is_none(video: Path) -> None:
    write(video, json.dumps({"title": "\u200b\u200b\u2060"}))
    assert read_video(video).metadata.title == "Phacoemulsification"


@pytest.mark.parametrize("folder", ["/proc", "/sys", "/dev", "/proc/self", "/dev/shm"])
def test_folders_of_the_system_are_not_walked(folder: str, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    started = time.process_time()
    assert list(files_below(Path(folder))) == list(files_below(link)) == []
    assert time.process_time() - started < 0.5


def test_a_metadata_folder_is_called_by_its_name(video: Path) -> None:
    video.with_suffix(".info.json").mkdir()
    (lost,) = read_video(video).unusable
    assert lost.reason.endswith("is a folder, not a metadata file; remove or rename it")
