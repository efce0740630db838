"""Block lists and exclusion lists: every way to name a video or a channel, and nothing by accident."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ophvl.errors import UsageError
from ophvl.sources.blocklists import BlockLists, add
from schemas.vocab import DropReason

VIDEO = "youtube_dQw4w9WgXcQ"
URL = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
CHANNEL = "UCabcdefghijklmnopqrstuv"
HANDLE = "@someSurgeon"


def judged(
    root: Path,
    video_id: str = VIDEO,
    url: str = URL,
    channel: str | None = CHANNEL,
    handle: str = HANDLE,
    name: str = "Eye Clinic of  Some Town",
) -> str:
    drop = BlockLists.of(root).judge(video_id, (url, None), (channel, handle, name))
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
        "https://www.youtube.com/e/dQw4w9WgXcQ",
        "https://www.youtube.com/watch/dQw4w9WgXcQ",
        "youtube.com/watch?v=dQw4w9WgXcQ",
        "www.youtube.com/watch?v=dQw4w9WgXcQ&t=3",
        "youtu.be/dQw4w9WgXcQ",
        "HTTPS://YOUTU.BE/dQw4w9WgXcQ,asked for by its surgeon",
        f"{URL},",
        f"<{URL}>",
        "dQw4w9WgXcQ,asked for by its surgeon",
        '"dQw4w9WgXcQ";"asked for by its surgeon"',
        f"channel:{CHANNEL}",
        f"channel:{CHANNEL} asked for by its surgeon",
        f"Channel:{CHANNEL}",
        CHANNEL,
        f"https://www.youtube.com/channel/{CHANNEL}/videos",
        "channel:@SomeSurgeon",
        "@SomeSurgeon, asked for by its surgeon",
        "youtube.com/@SomeSurgeon",
        "channel:https://www.youtube.com/@someSurgeon",
        "channel:youtube.com/@someSurgeon/videos",
        "https://www.youtube.com/@some%53urgeon",
        "https://www.youtube.com/@someSurgeon/videos  asked for by its surgeon",
        "channel:Eye  Clinic of Some Town  # asked for by its head",
        "channel:Eye\u00a0Clin\u200bic of \uff33\uff4f\uff4d\uff45 Town",
        "CHANNEL: eye clinic of some town",
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
        "channel:@some",
        "dQw4w9WgXc",
        CHANNEL.lower(),
        "youtube",
        "https://youtu.be/dqw4w9wgxcq",
        "https://example.org/watch?v=dQw4w9WgXcQ",
        f"https://example.org/channel/{CHANNEL}",
        "# x",
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


@pytest.mark.parametrize(
    "line",
    [
        "http://vimeo.com/123",
        "https://www.vimeo.com/123",
        "www.vimeo.com/123",
        "vimeo.com/123/",
        "https://player.vimeo.com/video/123?h=ab",
        "https://vimeo.com/channels/eyes/123, asked for",
        "123",
    ],
)
@pytest.mark.parametrize("url", ["https://vimeo.com/123", "http://player.vimeo.com/video/123/"])
def test_one_video_of_vimeo_has_many_addresses(tmp_path: Path, line: str, url: str) -> None:
    (tmp_path / "block.txt").write_text(line)
    assert judged(tmp_path, "vimeo_123", url)
    assert not judged(tmp_path, "vimeo_1234", f"{url.rstrip('/')}4")


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("example.org/a.mp4", "https://www.example.org/a.mp4"),
        ("https://www.example.org/a.mp4/", "http://example.org:80/a.mp4#t=3"),
        ("http://example.org:8080/a%20b,c.mp4,", "http://example.ORG:8080/a%20b%2Cc.mp4"),
        ("example.org/?v=3", "https://example.org?v=3"),
    ],
)
def test_addresses_of_other_sites_are_compared_by_what_they_say(
    tmp_path: Path, line: str, url: str
) -> None:
    (tmp_path / "block.txt").write_text(line)
    assert judged(tmp_path, "url_0123", url)
    assert not judged(tmp_path, "url_0123", url.replace("example", "example2"))


def test_handles_and_names_as_their_sites_write_them(tmp_path: Path) -> None:
    (tmp_path / "block.txt").write_text("https://www.youtube.com/@%E7%9C%BC%E7%A7%91\n")
    assert judged(tmp_path, handle="@眼科")
    assert judged(tmp_path, handle="@%E7%9C%BC%E7%A7%91")
    (tmp_path / "block.txt").write_text("channel:Eye\n")
    assert judged(tmp_path, name="Eye #2 surgeons") == ""
    (tmp_path / "block.txt").write_text("channel:Eye #2 surgeons\n")
    assert judged(tmp_path, name="Eye #2 Surgeons")


@pytest.mark.parametrize(
    "line",
    [
        "https://www.youtube.com/c/surgeon",
        "youtube.com/c/surgeon/videos",
        "https://www.youtube.com/user/surgeon",
        "https://youtube.com/Surgeon",
        "channel:https://www.youtube.com/user/surgeon",
        "https://www.youtube.com/playlist?list=PL1",
        "https://www.youtube.com/",
        "channel:",
        "channel: # no name",
        f"channel/{CHANNEL}",
        "youtube:dQw4w9WgXcQ",
        "/data/dQw4w9WgXcQ.mp4",
        "- dQw4w9WgXcQ",
        "vimeo.com",
        "https://vimeo.com/",
        "ftp://example.org/a.mp4",
        "http://[",
        "@",
    ],
)
def test_a_line_that_would_keep_nothing_out_is_refused(tmp_path: Path, line: str) -> None:
    own = tmp_path / "mine.txt"
    own.write_text(f"# takedowns\n{VIDEO}\n{line}\n")
    message = rf"mine\.txt: .*\n  line 3: {re.escape(line)}\n.*write channel:@name or channel:UC"
    with pytest.raises(UsageError, match=message):
        add(tmp_path, "block.txt", own)
    assert not (tmp_path / "block.txt").exists()
    (tmp_path / "block.txt").write_text(own.read_text())
    with pytest.raises(UsageError, match=r"block\.txt: .*\n  line 3: "):
        BlockLists.of(tmp_path)


def test_the_wrong_lines_of_a_list_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "block.txt").write_text("\n".join(f"a.{n}\nb{n}" for n in range(30)))
    with pytest.raises(UsageError, match=r"line 1: a\.0\n  line 3: a\.1\n") as caught:
        BlockLists.of(tmp_path)
    assert "line 39: a.19\n  and 10 more\n" in str(caught.value)


def test_the_revision_follows_the_contents(tmp_path: Path) -> None:
    empty = BlockLists.of(tmp_path).revision
    (tmp_path / "block.txt").write_text("b\na\n")
    first = BlockLists.of(tmp_path).revision
    (tmp_path / "block.txt").write_text("# note\na\nb\n")
    assert BlockLists.of(tmp_path).revision == first != empty


def test_lists_of_the_user_join_those_of_the_folder(tmp_path: Path) -> None:
    own = tmp_path / "mine.txt"
    own.write_text("# takedowns\na\nb\n")
    assert [add(tmp_path, "block.txt", own) for _ in range(2)] == [2, 0]
    own.write_text("b\nc\n")
    assert add(tmp_path, "block.txt", own) == 1
    assert (tmp_path / "block.txt").read_text() == "# takedowns\na\nb\nc\n"
    with pytest.raises(UsageError, match=r"none\.txt"):
        add(tmp_path, "block.txt", tmp_path / "none.txt")
