"""What is kept of the media: local files always, of fetched ones what is wished for, whatever crashed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ophvl.errors import ItemError, UsageError
from ophvl.media.audio import FfmpegAudioReader
from ophvl.media.folder import MediaFolder
from ophvl.media.probe import probe
from ophvl.media.proxy import ProxyWriter
from pipelines.stages.keep import KeepConfig, keep
from schemas.kept import KEPT
from tests.factories import media_row, speech_row, table, video_id
from tests.media_factory import make_damaged, make_video, tone

STORED = f"media/{video_id(1)}.mp4"
MEDIA = {"path": STORED, "audio_stream": None, "clock_jumps": None}
PROXIES = ProxyWriter(short_side=64, fps=4.0, crf=30, audio=FfmpegAudioReader())


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    found = MediaFolder(root=tmp_path)
    found.fetched.mkdir()
    make_video(tmp_path / STORED, seconds=3.0, size=(320, 240), audio=tone(3.0))
    return found


def kept(folder: MediaFolder, wish: str, **media: object) -> str:
    row = media_row(1, **{"path": STORED, "width": 320, "height": 240, **media})
    result = keep(
        table("media", row),
        table("speech", speech_row(1)),
        config=KeepConfig(media=wish),  # type: ignore[arg-type]
        files=folder,
        proxies=PROXIES,
    )
    assert KEPT.check(result.tables["kept"]) == []
    (made,) = result.tables["kept"].to_pylist()
    path = folder.root / made["path"]
    assert path.stat().st_size == made["bytes"]
    return f"{made['form']} {path.name.removeprefix(video_id(1))}"


def names(folder: MediaFolder) -> list[str]:
    return sorted(path.name.removeprefix(video_id(1)) for path in folder.fetched.iterdir())


def test_each_wish_and_the_way_down(folder: MediaFolder) -> None:
    assert kept(folder, "all") == "all .mp4"
    assert kept(folder, "proxy") == "proxy .proxy.mp4"
    assert names(folder) == [".proxy.mp4"]
    assert kept(folder, "proxy") == kept(folder, "all") == "proxy .proxy.mp4"
    assert (
        folder.pictures(MEDIA).path
        == folder.sound(MEDIA).path
        == folder.fetched / f"{video_id(1)}.proxy.mp4"
    )
    assert kept(folder, "audio") == "audio .audio.m4a"
    assert names(folder) == [".audio.m4a"]
    for wish in ("audio", "proxy", "all"):
        assert kept(folder, wish) == "audio .audio.m4a"
    with pytest.raises(UsageError, match="only the sound was kept"):
        folder.pictures(MEDIA)
    assert folder.sound(MEDIA).path.name.endswith(".audio.m4a")


def test_the_sound_may_be_made_at_once_without_a_proxy(folder: MediaFolder) -> None:
    assert kept(folder, "audio") == "audio .audio.m4a"
    assert names(folder) == [".audio.m4a"]


def test_a_crash_before_the_larger_file_went_is_made_good(folder: MediaFolder) -> None:
    whole = (folder.root / STORED).read_bytes()
    kept(folder, "proxy")
    (folder.root / STORED).write_bytes(whole)
    assert folder.pictures(MEDIA).path == folder.root / STORED, "while it is there it is looked at"
    assert kept(folder, "proxy") == "proxy .proxy.mp4"
    assert names(folder) == [".proxy.mp4"]


def test_files_of_the_user_are_never_touched(folder: MediaFolder, tmp_path: Path) -> None:
    # Also those that lie where fetched ones do.
    for own in (tmp_path / "case.mp4", folder.fetched / "case.mp4"):
        make_video(own, audio=tone(2.0))
        for wish in ("proxy", "audio"):
            assert kept(folder, wish, path=str(own)) == "all case.mp4"
        assert own.exists()
    assert names(folder) == [".mp4", "case.mp4"]


def test_a_video_without_sound_keeps_its_pictures(folder: MediaFolder) -> None:
    make_video(folder.root / STORED, seconds=1.0)
    assert kept(folder, "audio", has_audio=False) == "proxy .proxy.mp4"


def test_a_damaged_video_stays_as_it_is(folder: MediaFolder) -> None:
    make_damaged(folder.root / STORED, seconds=8.0)
    with pytest.raises(ItemError, match="it stays as it is"):
        kept(folder, "proxy", has_audio=False)
    assert names(folder) == [".mp4"]


def test_nothing_left(folder: MediaFolder) -> None:
    folder.discard(video_id(1))
    with pytest.raises(ItemError, match="fetch it again"):
        kept(folder, "proxy")


def test_a_proxy_has_the_size_of_the_settings_and_keeps_sound_and_length(
    folder: MediaFolder,
) -> None:
    kept(folder, "proxy")
    seen = probe(folder.pictures(MEDIA).path)
    assert (seen.width, seen.height, seen.has_audio) == (86, 64, True)
    assert seen.duration_s == pytest.approx(3.0, abs=0.3)


def test_sound_is_made_of_a_proxy_too_and_both_larger_files_go(folder: MediaFolder) -> None:
    whole = (folder.root / STORED).read_bytes()
    kept(folder, "proxy")
    (folder.root / STORED).write_bytes(whole)
    assert kept(folder, "audio") == "audio .audio.m4a"
    assert names(folder) == [".audio.m4a"]


def test_a_proxy_without_sound_stays_where_only_the_sound_was_asked_for(
    folder: MediaFolder,
) -> None:
    make_video(folder.root / STORED, seconds=1.0)
    assert kept(folder, "proxy", has_audio=False) == "proxy .proxy.mp4"
    assert kept(folder, "audio", has_audio=False) == "proxy .proxy.mp4"
    assert names(folder) == [".proxy.mp4"]


def test_the_row_names_the_file_by_its_place_in_the_folder(folder: MediaFolder) -> None:
    for wish, path in (("all", STORED), ("proxy", STORED.replace(".mp4", ".proxy.mp4"))):
        result = keep(
            table("media", media_row(1, path=STORED, width=320, height=240)),
            table("speech", speech_row(1)),
            config=KeepConfig(media=wish),
            files=folder,
            proxies=PROXIES,
        )
        (made,) = result.tables["kept"].to_pylist()
        assert (made["video_id"], made["form"], made["path"]) == (video_id(1), wish, path)


def test_the_row_names_a_file_of_the_user_by_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "out" / "media").mkdir(parents=True)
    path = make_video(tmp_path / "own.mp4", audio=tone(2.0))
    assert kept(MediaFolder(root=tmp_path / "out"), "all", path=str(path)) == "all own.mp4"
