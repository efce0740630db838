"""Subtitles beside a local video, whatever else lies there."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from ophvl.download.sidecar_subtitles import read_sidecar_subtitles


def beside(video: Path) -> list[tuple[str, str]]:
    return sorted((line.language, line.text) for line in read_sidecar_subtitles(video)[0])


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name.replace("_", ".")
        path.write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n")


def test_subtitle_files_next_to_a_video(tmp_path: Path) -> None:
    video = tmp_path / "case.mp4"
    video.touch()
    write(tmp_path, case_srt="one", case_1_srt="not its own", **{"case_pt-BR_srt": "dois"})
    (tmp_path / "case.en.srt").symlink_to(tmp_path / "nowhere.srt")
    (tmp_path / "case.de.vtt").mkdir()
    assert beside(video) == [("pt-BR", "dois"), ("und", "one")]
    unusable = read_sidecar_subtitles(video)[1]
    assert [one.name for one in unusable] == ["case.de.vtt", "case.en.srt"]


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("case.srt", "und"),
        ("case.SRT", "und"),
        ("case.en-orig.vtt", "en-orig"),
        ("case.en.forced.srt", "en"),
        ("case.forced.srt", "und"),
        ("case.en.sdh.srt", "en"),
        ("case.English.srt", "English"),
        ("case.mp4.srt", "und"),
        ("case.mp4.en.srt", "en"),
        ("case.mkv.srt", "und"),
        ("case_en.srt", "en"),
        ("case-DE.srt", "de"),
        ("case fr.vtt", "fr"),
        ("case_en.forced.srt", "en"),
        ("case_hd.srt", None),
        ("case_eng.srt", None),
        ("case.en.1.srt", "en"),
        ("case.1.srt", None),
        ("case.en.x1.srt", None),
        ("Subs/2_English.srt", "English"),
        ("Subs/English.srt", "English"),
        ("Subs/02. German.vtt", "German"),
        ("Subs/case/2_English.srt", "English"),
        ("Subs/other/2_English.srt", None),
        ("2_English.srt", None),
        ("Subs/case.de.srt", "de"),
        ("subtitles/case.srt", "und"),
        ("other.srt", None),
        ("case2.srt", None),
        ("case.2.srt", None),
    ],
)
def test_the_names_that_players_find_are_found(
    tmp_path: Path, name: str, language: str | None
) -> None:
    (tmp_path / "case.mp4").touch()
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\none\n")
    expected = [] if language is None else [(language, "one")]
    assert beside(tmp_path / "case.mp4") == expected


def test_both_spellings_of_a_name_find_their_subtitles(tmp_path: Path) -> None:
    video = tmp_path / f"{unicodedata.normalize('NFD', 'Müller')}.mp4"
    video.touch()
    name = unicodedata.normalize("NFC", "Müller.en.srt")
    (tmp_path / name).write_text("1\n00:00:01,000 --> 00:00:02,000\none\n")
    assert beside(video) == [("en", "one")]


def test_a_file_without_subtitles_is_named(tmp_path: Path) -> None:
    video = tmp_path / "case.mp4"
    video.touch()
    (tmp_path / "case.srt").write_bytes(b"\x00\x01" * 100)
    os.mkfifo(tmp_path / "case.en.srt")
    lines, unusable = read_sidecar_subtitles(video)
    assert lines == ()
    assert {one.name: one.reason.split(";")[0].split(",")[0] for one in unusable} == {
        "case.en.srt": f"{tmp_path}/case.en.srt is a pipe",
        "case.srt": "it holds no subtitle with times",
    }


def test_subtitles_go_to_the_video_that_has_their_whole_name(tmp_path: Path) -> None:
    for name in ("case.mp4", "case.old.mp4"):
        (tmp_path / name).touch()
    write(tmp_path, case_old_srt="of the old one", case_en_srt="of the new one")
    assert beside(tmp_path / "case.mp4") == [("en", "of the new one")]
    assert beside(tmp_path / "case.old.mp4") == [("und", "of the old one")]


def test_what_is_put_beside_it_later_is_found(tmp_path: Path) -> None:
    video = tmp_path / "case.mp4"
    video.touch()
    assert beside(video) == []
    write(tmp_path, case_srt="one")
    os.utime(tmp_path, ns=(1, 1))
    assert beside(video) == [("und", "one")]


def test_numbered_tracks_belong_to_the_only_video_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "case.mp4").touch()
    (tmp_path / "Subs").mkdir()
    write(tmp_path / "Subs", case_srt="one", English_srt="two")
    assert beside(tmp_path / "case.mp4") == [("English", "two"), ("und", "one")]
    (tmp_path / "other.mp4").touch()
    assert beside(tmp_path / "case.mp4") == [("und", "one")]


def test_a_folder_of_subtitles_that_cannot_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = tmp_path / "case.mp4"
    video.touch()
    (tmp_path / "Subs").mkdir()
    write(tmp_path, case_srt="one")
    listdir = os.listdir

    def refuse(path: Path) -> list[str]:
        if Path(path).name == "Subs":
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr("ophvl.download.sidecar_subtitles.os.listdir", refuse)
    lines, (unlisted,) = read_sidecar_subtitles(video)
    assert [line.text for line in lines] == ["one"]
    assert (unlisted.name, unlisted.reason) == ("Subs", "cannot list it: Permission denied")


def test_the_subtitles_of_a_video_without_suffix_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "case").touch()
    write(tmp_path, case_srt="one")
    assert beside(tmp_path / "case") == [("und", "one")]
