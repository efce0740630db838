"""Subtitles beside a local video, whatever else lies there."""

from __future__ import annotations

import os
from pathlib import Path

from ophvl.download.sidecar_subtitles import read_sidecar_subtitles


def beside(video: Path) -> list[tuple[str, str]]:
    return sorted((line.language, line.text) for line in read_sidecar_subtitles(video))


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
