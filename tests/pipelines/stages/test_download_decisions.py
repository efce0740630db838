"""What stage download takes of a page, a file and its subtitles, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import av
import pyarrow as pa
import pytest
from av.stream import Disposition

from ophvl.errors import ItemError
from ophvl.ids import sha256_file
from ophvl.media.folder import MediaFolder
from ophvl.ports import FetchedVideo, MediaFile, SpeechMeter, Subtitle, VideoMetadata
from ophvl.sources.blocklists import BlockLists
from ophvl.stage import StageResult
from pipelines.stages.download import DownloadConfig, download
from schemas.catalogue import TABLES
from schemas.vocab import CaptionKind, FailureKind, WarningKind
from tests.factories import table, video_id, video_row
from tests.media_factory import NoSpeech, make_video, tone

VIDEO = video_id(1)
PAGE = VideoMetadata(
    url="https://example.org/1",
    webpage_url="https://example.org/watch/1",
    extractor="Eyetube",
    site_id="b7",
    title="By its own page",
)


def subtitle(text: str, start_s: float, language: str = "en") -> Subtitle:
    return Subtitle(
        kind=CaptionKind.MANUAL,
        language=language,
        start_s=start_s,
        end_s=start_s + 1.0,
        text=text,
    )


NOTHING = {name: TABLES[name].empty() for name in ("media", "publications", "subtitles")}


@dataclass
class Site:
    """A downloader that has one video."""

    video: Path
    page: VideoMetadata = PAGE
    subtitles: tuple[Subtitle, ...] = ()
    fetches: int = 0
    revision: str = "a site"

    def expand(self, url: str) -> list[VideoMetadata]:
        raise AssertionError

    def fetch(self, url: str, directory: Path, video_id: str) -> FetchedVideo:
        self.fetches += 1
        path = directory / f"{video_id}.mp4"
        path.write_bytes(self.video.read_bytes())
        return FetchedVideo(path=path, tool="a tool", metadata=self.page, subtitles=self.subtitles)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(make_video(tmp_path / "v.mp4", seconds=2.0, size=(160, 96), audio=tone(2.0)))


def run(
    site: Site,
    out: Path,
    *,
    columns: dict | None = None,
    speech: SpeechMeter | None = None,
    previous: Mapping[str, pa.Table] = NOTHING,
    **settings: object,
) -> StageResult:
    result = download(
        table("videos", video_row(1, **(columns or {}))),
        config=DownloadConfig(**{"reserve_gb": 0.0, **settings}),
        downloader=site,
        files=MediaFolder(root=out),
        lists=BlockLists.of(out),
        speech=speech or NoSpeech(),
        previous=previous,
    )
    for name, rows in result.tables.items():
        assert TABLES[name].check(rows) == []
    return result


def only(rows: pa.Table) -> dict:
    (row,) = rows.to_pylist()
    return row


def test_the_row_of_a_fetched_file_says_what_is_in_it(site: Site, tmp_path: Path) -> None:
    media = only(run(site, tmp_path).tables["media"])
    assert media["path"] == f"media/{VIDEO}.mp4"
    assert media["fetched_at"].microsecond == 0
    assert (media["width"], media["height"], media["has_audio"]) == (160, 96, True)
    assert media["duration_s"] == pytest.approx(2.0, abs=0.1)
    assert media["bytes"] == site.video.stat().st_size
    assert (media["sha256"], media["tool"]) == (sha256_file(site.video), "a tool")


@pytest.mark.parametrize(("max_hours", "is_refused"), [(1.0 / 3600, True), (3.0 / 3600, False)])
def test_a_video_longer_than_the_limit_is_refused_and_its_file_goes(
    site: Site, tmp_path: Path, max_hours: float, is_refused: bool
) -> None:
    if not is_refused:
        assert run(site, tmp_path, max_hours=max_hours).tables["media"].num_rows == 1
        return
    with pytest.raises(ItemError, match=r"raise download\.max_hours") as caught:
        run(site, tmp_path, max_hours=max_hours)
    assert caught.value.kind is FailureKind.TOO_LARGE
    assert list((tmp_path / "media").iterdir()) == []


def test_a_file_that_is_no_video_goes_so_that_it_is_fetched_anew(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    with pytest.raises(ItemError):
        run(Site(broken), tmp_path)
    assert list((tmp_path / "media").iterdir()) == []


def test_a_fetch_that_the_disk_has_no_room_for_is_not_begun(site: Site, tmp_path: Path) -> None:
    with pytest.raises(ItemError) as caught:
        run(site, tmp_path, reserve_gb=1e9)
    assert (caught.value.kind, site.fetches) == (FailureKind.DISK_FULL, 0)
    with pytest.raises(ItemError):
        run(site, tmp_path, columns={"listed_duration_s": 1e12})


def test_a_page_outweighs_the_list_where_it_says_something(site: Site, tmp_path: Path) -> None:
    site.page = replace(PAGE, licence="CC BY-NC 4.0", tags=("dmek",), upload_date=None)
    row = only(run(site, tmp_path).tables["publications"])
    assert (row["title"], row["webpage_url"]) == (PAGE.title, PAGE.webpage_url)
    assert (row["licence"], row["licence_class"]) == ("CC BY-NC 4.0", "non_commercial")
    assert row["tags"] == ["dmek"]
    listed = video_row(1)
    assert (row["upload_date"], row["channel"]) == (listed.upload_date, listed.channel)
    assert (row["description"], row["chapters"]) == (
        listed.description,
        [asdict(chapter) for chapter in listed.chapters],
    )
    assert row["page_id"] == "eyetube_b7"


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("Creative Commons Attribution licence (reuse allowed)", "open"),
        ("by-nc-sa", "non_commercial"),
        ("CC BY-ND 4.0", "unknown"),
        ("Standard YouTube License", "standard"),
        (None, "unknown"),
    ],
)
def test_the_class_of_a_licence_is_read_from_the_licence_that_holds(
    site: Site, tmp_path: Path, licence: str | None, expected: str
) -> None:
    columns = {"licence": licence, "licence_class": "open"}
    row = only(run(site, tmp_path, columns=columns).tables["publications"])
    assert row["licence_class"] == expected


def test_the_address_that_a_page_calls_its_own_is_looked_up_too(site: Site, tmp_path: Path) -> None:
    (tmp_path / "block.txt").write_text("https://example.org/its/own\n")
    assert run(site, tmp_path).dropped == ()
    site.page = replace(PAGE, url="https://example.org/its/own", webpage_url=None)
    assert [drop.reason for drop in run(site, tmp_path).dropped] == ["taken_down"]


def test_subtitles_are_numbered_in_the_order_of_time(site: Site, tmp_path: Path) -> None:
    site.subtitles = (subtitle("second", 5.0), subtitle("first", 1.0), subtitle("zwei", 5.0, "de"))
    rows = run(site, tmp_path).tables["subtitles"].to_pylist()
    assert [(row["subtitle_id"], row["text"]) for row in rows] == [
        (f"{VIDEO}-c0000", "first"),
        (f"{VIDEO}-c0001", "zwei"),
        (f"{VIDEO}-c0002", "second"),
    ]
    assert [(row["start_s"], row["end_s"]) for row in rows] == [(1.0, 2.0), (5.0, 6.0), (5.0, 6.0)]


def test_a_local_file_stays_where_it_is_with_what_the_list_says(site: Site, tmp_path: Path) -> None:
    (tmp_path / "v.en.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nThe lens.\n")
    columns = {"extractor": "file", "location": str(site.video), "title": "By the list"}
    result = run(site, tmp_path / "out", columns=columns, max_hours=1e-6)
    media, page = only(result.tables["media"]), only(result.tables["publications"])
    assert (media["path"], site.fetches) == (str(site.video), 0)
    assert (page["title"], page["page_id"]) == ("By the list", None)
    assert [row["text"] for row in result.tables["subtitles"].to_pylist()] == ["The lens."]
    assert site.video.exists()


@pytest.mark.parametrize("is_surgical", ["yes", "unknown"])
def test_only_a_sure_no_keeps_a_video_from_being_fetched(
    site: Site, tmp_path: Path, is_surgical: str
) -> None:
    result = run(site, tmp_path, columns={"is_surgical": is_surgical})
    assert (site.fetches, result.dropped) == (1, ())


def test_a_drop_before_the_fetch_leaves_no_rows(site: Site, tmp_path: Path) -> None:
    result = run(site, tmp_path, columns={"is_surgical": "no"})
    assert {name: rows.num_rows for name, rows in result.tables.items()} == {
        "media": 0,
        "publications": 0,
        "subtitles": 0,
    }
    assert [drop.row_id for drop in result.dropped] == [VIDEO]


@dataclass
class Meter:
    """Hears so many seconds of speech in each audio stream."""

    seconds: tuple[float, ...]
    revision: str = "a meter"

    def speech_s(self, file: MediaFile) -> float:
        return self.seconds[file.audio_stream]


def two_streams(path: Path, *marked: int) -> Path:
    """Write a video with two audio streams, of which some are marked as default."""
    one = make_video(path.with_suffix(".mp4"), audio=tone(2.0))
    with av.open(str(one)) as source, av.open(str(path), "w") as container:
        video = container.add_stream_from_template(source.streams.video[0])
        sounds = [container.add_stream_from_template(source.streams.audio[0]) for _ in "ab"]
        for number, sound in enumerate(sounds):
            sound.disposition = Disposition.default if number in marked else Disposition(0)
        for packet in [p for p in source.demux() if p.dts is not None]:
            for stream in [video] if packet.stream.type == "video" else sounds:
                packet.stream = stream
                container.mux(packet)
    return path


@pytest.mark.parametrize(
    ("marked", "speech", "heard"),
    [
        ((1,), (9.0, 0.0), 1),
        ((0,), (0.0, 9.0), 0),
        ((), (1.0, 9.0), 1),
        ((), (0.0, 0.0), 0),
        ((0, 1), (1.0, 9.0), 1),
    ],
)
def test_of_several_audio_streams_the_default_or_that_with_most_speech_is_heard(
    tmp_path: Path, marked: tuple[int, ...], speech: tuple[float, ...], heard: int
) -> None:
    path = two_streams(tmp_path / "v.mkv", *marked)
    columns = {"location": str(path), "extractor": "file"}
    result = run(Site(path), tmp_path, columns=columns, speech=Meter(speech))
    assert only(result.tables["media"])["audio_stream"] == heard
    (warning,) = result.warnings
    assert warning.kind is WarningKind.AUDIO_STREAM_CHOSEN
    assert f"number {heard + 1} is heard" in warning.message
    assert ("marked as default" in warning.message) == (len(marked) == 1)


def test_what_a_file_lacks_is_told_and_is_in_its_row(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "w.mkv", seconds=20.0, audio=tone(30.0)).read_bytes()
    path = tmp_path / "v.mkv"
    path.write_bytes(whole[: len(whole) * 9 // 10])
    result = run(Site(path), tmp_path, columns={"location": str(path), "extractor": "file"})
    row = only(result.tables["media"])
    assert row["sound_s"] - row["pictures_s"] > 1
    assert row["missing_s"] > 1
    assert row["duration_s"] == pytest.approx(row["sound_s"])
    assert (row["audio_stream"], row["clock_jumps"]) == (None, None)
    assert {w.kind for w in result.warnings} == {WarningKind.CUT_SHORT, WarningKind.LENGTHS_DIFFER}


def test_sound_that_ends_before_the_pictures_is_told(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", seconds=6.0, audio=tone(3.0))
    result = run(Site(path), tmp_path, columns={"location": str(path), "extractor": "file"})
    (warning,) = result.warnings
    assert warning.kind is WarningKind.LENGTHS_DIFFER
    assert "the last picture stays" not in warning.message
    almost = make_video(tmp_path / "w.mp4", seconds=3.5, audio=tone(3.0))
    columns = {"location": str(almost), "extractor": "file"}
    assert run(Site(almost), tmp_path, columns=columns).warnings == ()


def test_a_fetched_file_that_is_cut_is_fetched_again(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "w.mkv", seconds=20.0, audio=tone(20.0)).read_bytes()
    path = tmp_path / "v.mkv"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ItemError, match="is cut") as caught:
        run(Site(path), tmp_path)
    assert caught.value.kind is FailureKind.TRUNCATED
    assert list((tmp_path / "media").iterdir()) == []


def test_recordings_that_are_joined_are_told(tmp_path: Path) -> None:
    parts = [make_video(tmp_path / f"{name}.ts", seconds=5.0, audio=tone(5.0)) for name in "ab"]
    path = tmp_path / "v.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    result = run(Site(path), tmp_path, columns={"location": str(path), "extractor": "file"})
    assert only(result.tables["media"])["clock_jumps"] == 1
    told = {warning.kind: warning.message for warning in result.warnings}
    assert "its time stamps restart or jump 1 time(s)" in told[WarningKind.CLOCK_JUMPS]


def test_a_whole_file_gives_no_warning(site: Site, tmp_path: Path) -> None:
    result = run(site, tmp_path)
    row = only(result.tables["media"])
    assert result.warnings == ()
    assert (row["missing_s"], row["audio_stream"], row["clock_jumps"]) == (None, None, None)
    assert (row["pictures_s"], row["sound_s"]) == pytest.approx((2.0, 2.0), abs=0.15)


def test_a_local_file_that_has_gone_keeps_what_was_read_of_it(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4")
    columns = {"location": str(path), "extractor": "file"}
    before = run(Site(path), tmp_path, columns=columns).tables
    path.unlink()
    after = run(Site(path), tmp_path, columns=columns, previous=before).tables
    assert after["media"].equals(before["media"])
    with pytest.raises(ItemError):
        run(Site(path), tmp_path, columns=columns)


def test_a_local_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", seconds=2.0)
    columns = {"location": str(path), "extractor": "file"}
    before = run(Site(path), tmp_path, columns=columns).tables
    make_video(path, seconds=4.0)
    after = run(Site(path), tmp_path, columns=columns, previous=before).tables
    assert only(after["media"])["duration_s"] == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize(
    ("title", "url", "expected"),
    [
        ("IMG 0042", "https://files.example/v/IMG%200042.mp4", "DMEK in a small eye"),
        ("img_0042.MP4", "https://files.example/v/IMG_0042.mp4", "DMEK in a small eye"),
        ("", "https://files.example/v/1.mp4", "DMEK in a small eye"),
        ("DMEK, live", "https://files.example/v/1.mp4", "DMEK, live"),
    ],
)
def test_the_title_of_a_feed_stays_where_the_page_only_repeats_the_name_of_the_file(
    site: Site, tmp_path: Path, title: str, url: str, expected: str
) -> None:
    site.page = replace(PAGE, title=title, url=url)
    columns = {"title": "DMEK in a small eye"}
    assert only(run(site, tmp_path, columns=columns).tables["publications"])["title"] == expected
    without = run(site, tmp_path / "b", columns={"title": ""}).tables["publications"]
    assert only(without)["title"] == title
