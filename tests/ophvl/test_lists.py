"""Block lists and exclusion lists: every way to name a video or a channel, and nothing by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from ophvl.errors import UsageError
from ophvl.lists import Lists, add
from schemas.vocab import DropReason

VIDEO = "youtube_dQw4w9WgXcQ"
URL = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"


CHANNEL = "UCabcdefghijklmnopqrstuv"


def judged(root: Path, video_id: str = VIDEO, url: str = URL, channel: str | None = CHANNEL) -> str:
    drop = Lists.of(root).judge(
        video_id, (url, None), (channel, "@someSurgeon", "Eye Clinic of  Some Town")
    )
    return "" if drop is None else f"{drop.row_id} {drop.reason}"


@pytest.mark.parametrize(
    "line",
    [
        VIDEO,
        "dQw4w9WgXcQ",
        URL,
        f"{URL}&list=PL1&index=3",
        "https://youtu.be/dQw4w9WgXcQ?t=3",
        "https://m.youtube.com/shorts/dQw4w9WgXcQ",
        "https://www.youtube.com/embed/dQw4w9WgXcQ",
        f"channel:{CHANNEL}",
        f"channel:{CHANNEL} asked for by its surgeon",
        f"https://www.youtube.com/channel/{CHANNEL}/videos",
        "channel:@SomeSurgeon",
        "https://www.youtube.com/@someSurgeon/videos  asked for by its surgeon",
        "channel:Eye  Clinic of Some Town  # asked for by its head",
        "\ufeffdQw4w9WgXcQ   asked for by its surgeon, 2026-11-01",
    ],
)
def test_each_way_to_name_it(tmp_path: Path, line: str) -> None:
    (tmp_path / "block.txt").write_text(f"{line}\r\n# comment\n\n", encoding="utf-8")
    assert judged(tmp_path) == f"{VIDEO} {DropReason.TAKEN_DOWN}"


@pytest.mark.parametrize(
    "line",
    [
        "dqw4w9wgxcq",
        "channel:Eye",
        "channel:Eye Clinic",
        "channel:",
        "channel:@some",
        "dQw4w9WgXc",
        CHANNEL,
        "youtube",
        "https://www.youtube.com/",
        "# x",
        "http://[",
    ],
)
def test_nothing_is_kept_out_by_accident(tmp_path: Path, line: str) -> None:
    (tmp_path / "block.txt").write_text(line)
    assert judged(tmp_path) == ""


def test_evaluation_sets_and_what_goes_first(tmp_path: Path) -> None:
    assert judged(tmp_path) == ""
    (tmp_path / "exclude.txt").write_text("dQw4w9WgXcQ")
    assert judged(tmp_path) == f"{VIDEO} {DropReason.EVALUATION}"
    (tmp_path / "block.txt").write_text("channel:@surgeon")
    assert judged(tmp_path, channel="@surgeon") == f"{VIDEO} {DropReason.TAKEN_DOWN}"
    assert judged(tmp_path, "file_0123", "/data/dQw4w9WgXcQ.mp4", None) == ""


@pytest.mark.parametrize("path", ["c/surgeon", "c/surgeon/videos", "user/surgeon"])
def test_an_address_that_no_video_tells_is_refused(tmp_path: Path, path: str) -> None:
    own = tmp_path / "mine.txt"
    own.write_text(f"https://www.youtube.com/{path}\n")
    with pytest.raises(UsageError, match="write channel:@name or channel:UC"):
        add(tmp_path, "block.txt", own)
    assert not (tmp_path / "block.txt").exists()
    (tmp_path / "block.txt").write_text(own.read_text())
    with pytest.raises(UsageError, match="write channel:@name or channel:UC"):
        judged(tmp_path)


def test_the_revision_follows_the_contents(tmp_path: Path) -> None:
    empty = Lists.of(tmp_path).revision
    (tmp_path / "block.txt").write_text("b\na\n")
    first = Lists.of(tmp_path).revision
    (tmp_path / "block.txt").write_text("# note\na\nb\n")
    assert Lists.of(tmp_path).revision == first != empty


def test_lists_of_the_user_join_those_of_the_folder(tmp_path: Path) -> None:
    own = tmp_path / "mine.txt"
    own.write_text("# takedowns\na\nb\n")
    assert [add(tmp_path, "block.txt", own) for _ in range(2)] == [2, 0]
    own.write_text("b\nc\n")
    assert add(tmp_path, "block.txt", own) == 1
    assert (tmp_path / "block.txt").read_text() == "# takedowns\na\nb\nc\n"
    with pytest.raises(UsageError, match=r"none\.txt"):
        add(tmp_path, "block.txt", tmp_path / "none.txt")
