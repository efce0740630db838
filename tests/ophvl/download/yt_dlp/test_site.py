"""Real yt-dlp on a video site of our own, with channels, playlists, subtitles and metadata."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yt_dlp.globals
from yt_dlp.extractor import import_extractors
from yt_dlp.extractor.common import InfoExtractor

from ophvl.download.rate_limited import RateLimitedDownloader
from ophvl.download.rate_limiter import RateLimit, RateLimiter, closed_hosts
from ophvl.download.yt_dlp.downloader import YtDlpDownloader
from ophvl.download.yt_dlp.subtitles import offered_subtitles
from ophvl.errors import ItemError
from schemas.vocab import CaptionKind, FailureKind
from tests.media_factory import make_video, tone
from tests.ophvl.download.test_subtitle_files import ROLLING
from tests.web_site import Site

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

downloader = YtDlpDownloader(timeout_s=10.0, retries=0)


class EyeTubeIE(InfoExtractor):
    """A video: its record is a JSON file."""

    _VALID_URL = r"http://127\.0\.0\.1:\d+/eyetube/watch-(?P<id>\w+)"

    def _real_extract(self, url: str) -> Any:
        return self._download_json(f"{url}.json", self._match_id(url))


class EyeTubeListIE(InfoExtractor):
    """A channel, of playlists, or a playlist, of videos: its addresses are a JSON list."""

    _VALID_URL = r"http://127\.0\.0\.\d:\d+/(?:eyetube|status/\d+)/list-(?P<id>\w+)"
    _RETURN_TYPE = "playlist"

    def _real_extract(self, url: str) -> Any:
        addresses = self._download_json(f"{url}.json", self._match_id(url))
        entries = [
            self.url_result(a, EyeTubeListIE if "list-" in a else EyeTubeIE) for a in addresses
        ]
        return self.playlist_result(entries, self._match_id(url), "a list")


@pytest.fixture
def publish(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], str]:
    """Put a record on the site; the address that it has there."""
    import_extractors()
    known: Mapping[str, type] = yt_dlp.globals.extractors.value
    ours = {"EyeTubeIE": EyeTubeIE, "EyeTubeListIE": EyeTubeListIE}
    monkeypatch.setattr(yt_dlp.globals.extractors, "value", {**ours, **known})
    (site.root / "eyetube").mkdir()

    def put(name: str, record: object) -> str:
        (site.root / "eyetube" / f"{name}.json").write_text(json.dumps(record))
        return f"{site.url}/eyetube/{name}"

    return put


@pytest.fixture
def record(site: Site) -> dict[str, object]:
    """What the site says of a video."""
    make_video(site.root / "v.mp4")
    (site.root / "manual.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nTrypan blue\n")
    (site.root / "automatic.vtt").write_text(ROLLING)
    (site.root / "translated.vtt").write_text(ROLLING.replace("limbus", "Limbus"))
    return {
        "id": "x1",
        "title": "Phaco",
        "formats": [{"url": f"{site.url}/v.mp4", "ext": "mp4", "height": 240}],
        "uploader": "Eye clinic",
        "license": "Creative Commons Attribution licence (reuse allowed)",
        "timestamp": 1735776000,
        "duration": 65.5,
        "language": "en-US",
        "tags": ["phaco", "half a pair \ud83d"],
        "chapters": [
            {"title": "Incision", "start_time": 0, "end_time": 10},
            {"title": "Rhexis", "start_time": 10, "end_time": 1e400},
        ],
        "subtitles": {
            "de": [{"url": f"{site.url}/manual.srt", "ext": "srt"}],
            "en": [
                {"url": f"{site.url}/gone.json", "ext": "json3"},
                {"url": f"{site.url}/manual.srt", "ext": "srt"},
            ],
            "en-GB": [{"url": f"{site.url}/gone.vtt", "ext": "vtt"}],
        },
        "automatic_captions": {
            "de": [{"url": f"{site.url}/translated.vtt", "ext": "vtt"}],
            "en": [{"url": f"{site.url}/translated.vtt", "ext": "vtt"}],
            "en-orig": [{"url": f"{site.url}/automatic.vtt", "ext": "vtt"}],
        },
    }


def test_metadata_and_subtitles_come_with_the_file(publish, record, tmp_path: Path) -> None:
    fetched = downloader.fetch(publish("watch-x1", record), tmp_path / "media", "eyetube_x1")
    assert [path.name for path in (tmp_path / "media").iterdir()] == ["eyetube_x1.mp4"]
    found = fetched.metadata
    assert (found.extractor, found.site_id, found.title) == ("eyetube", "x1", "Phaco")
    assert (found.channel, found.upload_date, found.duration_s) == ("Eye clinic", "20250102", 65.5)
    assert found.licence == "Creative Commons Attribution licence (reuse allowed)"
    assert found.tags == ("phaco", "half a pair")
    assert [chapter.title for chapter in found.chapters] == ["Incision"]
    lines = [(line.kind, line.language, line.text) for line in fetched.subtitles]
    assert lines[0] == (CaptionKind.MANUAL, "en", "Trypan blue")
    assert lines[1:4] == [
        (CaptionKind.AUTOMATIC, "en", "we now make"),
        (CaptionKind.AUTOMATIC, "en", "a 2.4 mm & clear incision"),
        (CaptionKind.AUTOMATIC, "en", "at the limbus"),
    ]
    assert len(lines) == 5, "one that is gone does not affect the others, and none is taken twice"


def test_subtitles_can_be_left_where_they_are(publish, record, tmp_path: Path) -> None:
    without = YtDlpDownloader(timeout_s=10.0, retries=0, subtitles=False)
    assert without.fetch(publish("watch-x1", record), tmp_path, "eyetube_x1").subtitles == ()


TTML = """<?xml version="1.0" encoding="utf-8"?><tt xmlns="http://www.w3.org/ns/ttml"><body><div>
<p begin="00:00:01.000" end="00:00:02.500">Now the <br/>capsule</p></div></body></tt>"""


@pytest.mark.parametrize(
    ("ext", "content", "texts"),
    [
        ("ttml", TTML, ["Now the", "capsule"]),
        ("ttml", "<tt", []),
        ("vtt", "<html>sign in</html>", []),
        ("json3", "{}", []),
    ],
)
def test_what_is_no_subtitle_costs_nothing_but_itself(
    site: Site, publish, record, tmp_path: Path, ext, content, texts
) -> None:
    (site.root / "s.txt").write_text(content)
    record["subtitles"] = {"en": [{"url": f"{site.url}/s.txt", "ext": ext}]}
    record["automatic_captions"] = {"en": [{"url": "file:///etc/passwd", "ext": "vtt"}]}
    fetched = downloader.fetch(publish("watch-x1", record), tmp_path, "eyetube_x1")
    assert [line.text for line in fetched.subtitles] == texts


@pytest.mark.parametrize(
    ("spoken", "manual", "automatic", "taken"),
    [
        ("en", [], ["de", "en", "en-orig", "fr"], ["automatic en"]),
        ("en", [], ["de", "en", "fr"], ["automatic en"]),
        (
            "de",
            ["de-AT", "en", "fr"],
            ["de-orig", "en"],
            ["manual de-AT", "manual en", "automatic de"],
        ),
        (None, ["en-GB"], ["de", "en", "fr"], ["manual en-GB"]),
        (None, [], ["en"], ["automatic en"]),
        (None, ["live_chat"], ["fr"], []),
    ],
)
def test_which_subtitles_are_taken(spoken, manual, automatic, taken) -> None:
    info = {
        "language": spoken,
        "subtitles": {language: [{}] for language in manual},
        "automatic_captions": {language: [{}] for language in automatic},
    }
    selected = [f"{kind} {language}" for kind, language, _ in offered_subtitles(info, ("en",))]
    assert selected == taken


def test_a_channel_is_opened_and_what_is_gone_loses_no_other(publish, site: Site) -> None:
    videos = [f"{site.url}/eyetube/watch-{n}" for n in ("a", "gone", "b")]
    lists = [publish("list-1", videos[:2]), f"{site.url}/eyetube/list-gone"]
    lists.append(publish("list-2", [videos[2], videos[0], "file:///etc/passwd", "--exec=x"]))
    expanded = downloader.expand(publish("list-all", lists))
    assert [video.url for video in expanded] == [*videos[:2], lists[1], videos[2]]
    assert {video.extractor for video in expanded} == {"eyetube", "eyetubelist"}


def test_each_nested_list_is_a_request_of_its_own(publish, site: Site) -> None:
    video = f"{site.url}/eyetube/watch-a"
    lists = [publish(f"list-{n}", [video]) for n in range(3)]
    requested: list[str] = []

    @contextlib.contextmanager
    def noting(url: str) -> Iterator[None]:
        requested.append(url)
        yield

    limited = YtDlpDownloader(timeout_s=10.0, retries=0, request=noting)
    assert len(limited.expand(publish("list-all", lists))) == 1
    assert [url for url in requested if "list-" in url] == lists


@pytest.mark.parametrize(
    ("status", "kind"), [(403, FailureKind.FORBIDDEN), (429, FailureKind.RATE_LIMITED)]
)
def test_a_refused_nested_list_counts_for_its_own_host(
    publish, other_site: Site, tmp_path: Path, status: int, kind: FailureKind
) -> None:
    limiter = RateLimiter(tmp_path, RateLimit(gap_s=0.0, per_hour=100, pause_s=3600.0, local=True))
    inner = YtDlpDownloader(timeout_s=10.0, retries=0, request=limiter.request)
    limited = RateLimitedDownloader(inner=inner, limiter=limiter)
    line = publish("list-all", [f"{other_site.url}/status/{status}/list-1"])
    with pytest.raises(ItemError) as caught:
        limited.expand(line)
    assert caught.value.kind is kind, "a list that may work later is not taken for a video"
    (closed,) = closed_hosts(tmp_path)
    assert (f"http://{closed.host}", closed.kind) == (other_site.url, kind)


@pytest.mark.parametrize(
    ("status", "kind"), [(429, FailureKind.RATE_LIMITED), (503, FailureKind.SERVER_ERROR)]
)
def test_no_more_subtitles_are_requested_of_a_site_that_refused_some(
    publish, record, site: Site, tmp_path: Path, status: int, kind: FailureKind
) -> None:
    refused = [{"url": f"{site.url}/status/{status}", "ext": "vtt"}]
    record["subtitles"] = {"de": record["subtitles"]["de"], "en": refused, "en-GB": refused}
    fetched = downloader.fetch(publish("watch-x1", record), tmp_path, "eyetube_x1")
    assert fetched.path.exists()
    assert fetched.refusal is not None
    assert fetched.refusal.kind is kind
    assert site.requests[-1] == f"/status/{status}"
    limiter = RateLimiter(tmp_path, RateLimit(gap_s=0.0, per_hour=100, pause_s=3600.0, local=True))
    limited = RateLimitedDownloader(inner=downloader, limiter=limiter)
    limited.fetch(publish("watch-x1", record), tmp_path, "eyetube_x1")
    assert [host.kind for host in closed_hosts(tmp_path)] == [kind]


def test_where_the_best_form_of_subtitles_is_gone_another_is_taken(
    publish, record, tmp_path: Path
) -> None:
    record["subtitles"]["en"][0]["ext"] = "vtt"
    fetched = downloader.fetch(publish("watch-x1", record), tmp_path, "eyetube_x1")
    assert fetched.subtitles[0].text == "Trypan blue"


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n/v.mp4\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n"


@pytest.mark.filterwarnings(
    "ignore:unclosed file:ResourceWarning"
)  # A part that yt-dlp leaves open.
@pytest.mark.parametrize("retries", [0, 3])
@pytest.mark.parametrize("in_fragments", [True, False])
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_rate_limiting_gets_no_retry(
    publish, record, site: Site, tmp_path: Path, status: int, in_fragments: bool, retries: int
) -> None:
    refused = f"/status/{status}"
    (site.root / "h.m3u8").write_text(HLS.format(refused))
    fragments = {"url": f"{site.url}/h.m3u8", "ext": "mp4", "protocol": "m3u8_native"}
    single = {"url": f"{site.url}{refused}", "ext": "mp4"}
    record["formats"] = [fragments if in_fragments else single]
    with pytest.raises(ItemError) as caught:
        YtDlpDownloader(timeout_s=10.0, retries=retries).fetch(
            publish("watch-x1", record), tmp_path, "eyetube_x1"
        )
    assert caught.value.retry_after_s == 7.0
    assert site.requests.count(refused) == 1


def test_what_fails_is_tried_again_after_longer_and_longer_pauses(
    publish, record, site: Site, tmp_path: Path
) -> None:
    make_video(site.root / "v.mp4", seconds=5.0)
    record["formats"] = [{"url": f"{site.url}/cut/v.mp4", "ext": "mp4"}]
    patient = YtDlpDownloader(timeout_s=10.0, retries=2, retry_pause_s=0.2)
    started = time.monotonic()
    with contextlib.suppress(ItemError):
        patient.fetch(publish("watch-x1", record), tmp_path, "eyetube_x1")
    assert site.requests.count("/cut/v.mp4") == 3
    assert time.monotonic() - started > 0.2 + 0.4


def test_a_disk_that_fills_while_picture_and_sound_are_joined_is_reported(
    publish, record, site: Site, small_disk: Path
) -> None:
    picture = make_video(site.root / "v.mp4", seconds=20.0, size=(640, 480))
    sound = make_video(site.root / "s.m4a", seconds=20.0, audio=tone(20.0))
    size = picture.stat().st_size + sound.stat().st_size
    record["formats"] = [
        {
            "format_id": "p",
            "url": f"{site.url}/v.mp4",
            "ext": "mp4",
            "acodec": "none",
            "vcodec": "h264",
        },
        {
            "format_id": "s",
            "url": f"{site.url}/s.m4a",
            "ext": "m4a",
            "acodec": "aac",
            "vcodec": "none",
        },
    ]
    url, media = publish("watch-x1", record), small_disk / "media"
    media.mkdir()
    (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free - size * 3 // 2))
    with pytest.raises(ItemError, match="while its picture and sound were joined") as caught:
        downloader.fetch(url, media, "eyetube_x1")
    assert caught.value.kind is FailureKind.DISK_FULL
    (small_disk / "filler").unlink()
    assert downloader.fetch(url, media, "eyetube_x1").path.exists()


def test_a_list_in_a_list_that_may_come_back_is_waited_for(publish, site: Site) -> None:
    lists = [
        publish("list-1", [f"{site.url}/eyetube/watch-a"]),
        "http://127.0.0.1:1/eyetube/list-2",
    ]
    with pytest.raises(ItemError) as caught:
        downloader.expand(publish("list-all", lists))
    assert caught.value.kind is FailureKind.NETWORK


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"duration": 7200.0}, FailureKind.TOO_LARGE, "it lasts 2.0 h, more than 1.0 h"),
        ({"is_live": True}, FailureKind.LIVE, "live stream"),
        ({"live_status": "is_upcoming"}, FailureKind.LIVE, "live stream"),
        ({"formats": 5}, FailureKind.UNSUPPORTED, "cannot read this page (TypeError"),
    ],
)
def test_what_is_refused_by_its_record_is_not_fetched(
    publish, record, tmp_path: Path, changes, kind, message
) -> None:
    url = publish("watch-x1", record | changes)
    with pytest.raises(ItemError) as caught:
        YtDlpDownloader(max_duration_s=3600.0).fetch(url, tmp_path / "media", "eyetube_x1")
    assert caught.value.kind is kind
    assert message in str(caught.value)
    assert not list((tmp_path / "media").glob("*"))


def test_numbers_and_dates_that_are_none_are_left_out(publish, record) -> None:
    odd = {"timestamp": 1e18, "duration": -1, "upload_date": None, "title": "a \ud83d b"}
    (found,) = downloader.expand(publish("watch-x1", record | odd))
    assert (found.upload_date, found.duration_s, found.title) == (None, None, "a  b")


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_a_stream_that_is_meant_for_ffmpeg_loses_no_fragment_and_stays_within_the_limit(
    publish, record, site: Site, tmp_path: Path
) -> None:
    fragment = make_video(site.root / "s.ts", seconds=2.0)
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2", *["#EXTINF:2,", "/s.ts"] * 3]
    (site.root / "v.m3u8").write_text("\n".join([*lines, "#EXT-X-ENDLIST"]))
    stream = {"url": f"{site.url}/v.m3u8", "ext": "mp4", "protocol": "m3u8"}
    url, media = publish("watch-x1", record | {"formats": [stream]}), tmp_path / "media"
    small = YtDlpDownloader(retries=0, max_bytes=fragment.stat().st_size * 1.5)
    with pytest.raises(ItemError) as caught:
        small.fetch(url, media, "eyetube_x1")
    assert (caught.value.kind, list(media.iterdir())) == (FailureKind.TOO_LARGE, [])
    fragment.rename(site.root / "whole.ts")
    with pytest.raises(ItemError) as caught:
        downloader.fetch(url, media, "eyetube_x1")
    assert (caught.value.kind, list(media.iterdir())) == (FailureKind.NOT_FOUND, [])
    (site.root / "whole.ts").rename(fragment)
    assert downloader.fetch(url, media, "eyetube_x1").path == media / "eyetube_x1.mp4"
