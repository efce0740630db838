"""Source lists as people write them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ophvl.errors import UsageError
from ophvl.sources.source_list import read_source_list
from ophvl.stage import SourceLine


def lines(path: Path, content: str | bytes) -> list[SourceLine]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_source_list(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list.txt"


def test_comments_blanks_bom_and_crlf(path: Path) -> None:
    read = lines(path, b"\xef\xbb\xbf# mine\r\n\r\n  https://E.org/a \r\nb.mp4")
    assert [(x.number, x.text, x.is_url) for x in read] == [
        (3, "https://E.org/a", True),
        (4, "b.mp4", False),
    ]
    assert read[0].target == "https://e.org/a"
    assert read[1].target == str(path.parent / "b.mp4")


def test_line_numbers_are_those_of_an_editor(path: Path) -> None:
    read = lines(path, "a\x0cb.mp4\nc\u2028d.mp4\ne.mp4\n")
    assert [(x.number, x.text) for x in read] == [
        (1, "a\x0cb.mp4"),
        (2, "c\u2028d.mp4"),
        (3, "e.mp4"),
    ]


def test_ids_stay_when_lines_move_and_differ_when_texts_repeat(path: Path) -> None:
    before = lines(path, "a.mp4\nb.mp4\na.mp4\n")
    after = lines(path, "# new\nb.mp4\n\na.mp4\na.mp4\n")
    assert len({x.line_id for x in before}) == 3
    assert [x.line_id for x in after] == [before[i].line_id for i in (1, 0, 2)]
    assert before[0].target == before[2].target


def test_equal_targets(path: Path) -> None:
    read = lines(path, "a.mp4\n./a.mp4\nx/../a.mp4\nHTTP://E.org:80/v\nhttp://e.org/v\n")
    assert len({x.target for x in read[:3]}) == 1
    assert read[3].target == read[4].target


def test_stamps_change_with_the_file_and_the_folder(path: Path) -> None:
    folder = path.parent / "videos"
    folder.mkdir()
    seen = []

    def look() -> None:
        seen.append(tuple(x.stamp for x in lines(path, "videos\nvideos/a.mp4\n")))

    look()
    (folder / "a.mp4").write_bytes(b"1")
    look()
    (folder / "a.mp4").write_bytes(b"12")
    look()
    (folder / "deep").mkdir()
    (folder / "deep" / "b.mp4").write_bytes(b"1")
    look()
    look()
    assert len({stamp for stamp, _ in seen}) == 4
    assert seen[0][1] == "absent"
    assert seen[3] == seen[4]


def test_names_that_are_no_text_do_not_hide_their_folder(path: Path) -> None:
    folder = path.parent / "videos"
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9.mp4")).write_bytes(b"1")
    (line,) = lines(path, "videos\n")
    assert line.target == str(folder)
    assert line.stamp != "unusable"


@pytest.mark.parametrize("text", ["a\x00b.mp4", "x" * 5000, "~nobody_here/x.mp4"])
def test_names_that_no_file_has_are_left_to_discover(path: Path, text: str) -> None:
    (line,) = lines(path, text + "\n")
    assert (line.target, line.stamp) == (text, "unusable")


@pytest.mark.parametrize("text", ["http://e.org:port/x", "http://[::1/x", "://"])
def test_malformed_urls_are_left_to_discover(path: Path, text: str) -> None:
    (line,) = lines(path, text + "\n")
    assert (line.is_url, line.target) == (True, text)


@pytest.mark.parametrize("content", ["", "\n\n", "# only this\n", "\ufeff\n"])
def test_an_empty_list_is_refused(path: Path, content: str) -> None:
    with pytest.raises(UsageError, match="names nothing"):
        lines(path, content)


def test_a_long_list_is_not_read_in_silence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("a.mp4\nb.mp4\n")
    notes: list[str] = []
    read_source_list(path, notes.append)
    assert notes == [], "a short one is"
    monkeypatch.setattr("ophvl.sources.source_list._NOTE_S", -1.0)
    read_source_list(path, notes.append)
    assert notes[1] == f"reading {path}: 2 lines so far"


def test_unreadable_lists_are_refused(path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no source list .*--source"):
        read_source_list(path)
    with pytest.raises(UsageError, match="is a folder"):
        read_source_list(path.parent)
    with pytest.raises(UsageError, match=r"is not UTF-8 text \(invalid start byte at byte 3\)"):
        lines(path, b"abc\xff")
    with pytest.raises(UsageError, match="cannot read the source list"):
        read_source_list(path / "list.txt")
