"""Subtitles beside a local video, whatever else lies there."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from ophvl.lists import Lists
from ophvl.media.folder import MediaFolder
from pipelines.config import DownloadConfig
from pipelines.download import download
from schemas.catalogue import TABLES
from tests.factories import table, video_row
from tests.media_factory import make_video


class Nobody:
    """A downloader that is not asked."""


def subtitles(video: Path, out: Path) -> list[tuple[str, str]]:
    row = video_row(1, location=str(video), extractor="file")
    previous: dict[str, pa.Table] = {
        name: TABLES[name].empty() for name in ("media", "publications", "subtitles")
    }
    result = download(
        table("videos", row),
        config=DownloadConfig(),
        downloader=Nobody(),  # type: ignore[arg-type]
        files=MediaFolder(root=out),
        lists=Lists.of(out),
        previous=previous,
    )
    (media,) = result.tables["media"].to_pylist()
    assert media["path"] == str(video), "also below the dataset folder: it is the user's"
    return [(one["language"], one["text"]) for one in result.tables["subtitles"].to_pylist()]


def test_subtitles_beside_a_video(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    video = make_video(tmp_path / "media" / "case.mp4")
    for name, text in (
        ("case.srt", "one"),
        ("case.pt-BR.srt", "dois"),
        ("case.1.srt", "not its own"),
    ):
        (video.parent / name).write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n")
    (video.parent / "case.en.srt").symlink_to(tmp_path / "nowhere.srt")
    (video.parent / "case.de.vtt").mkdir()
    assert sorted(subtitles(video, tmp_path)) == [("pt-BR", "dois"), ("und", "one")]
