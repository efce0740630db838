"""Real yt-dlp against a real server: what it finds, what it fetches, and each way to fail."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from Cryptodome.Cipher import AES
from Cryptodome.Util.Padding import pad

from ophvl import ids
from ophvl.download.yt_dlp.downloader import YtDlpDownloader
from ophvl.errors import DiskFaultError, ItemError
from ophvl.media.probe import probe
from schemas.vocab import FailureKind
from tests.media_factory import make_video, tone
from tests.web_site import Site

pytestmark = pytest.mark.filterwarnings(
    # yt-dlp looks into a file and leaves it open, and what it is told to stop writing.
    "ignore:unclosed <socket:ResourceWarning",
    "ignore:unclosed file:ResourceWarning",
)

downloader = YtDlpDownloader(timeout_s=10.0, retries=1, retry_pause_s=0.01)


def kind_of(url: str, directory: Path | None = None) -> FailureKind:
    with pytest.raises(ItemError) as caught:
        downloader.fetch(url, directory, "url_x") if directory else downloader.expand(url)
    assert str(caught.value).startswith(url)
    assert "\x1b" not in str(caught.value)
    return caught.value.kind


def test_a_bare_file(site: Site, tmp_path: Path) -> None:
    source = make_video(site.root / "case.mp4", audio=tone(2.0))
    url = f"{site.url}/case.mp4"
    (found,) = downloader.expand(url)
    assert (found.url, found.title, found.extractor) == (url, "case", "generic")
    assert found.upload_date is None
    fetched = downloader.fetch(found.url, tmp_path / "media", "url_0123")
    assert fetched.path == tmp_path / "media" / "url_0123.mp4"
    assert fetched.path.read_bytes() == source.read_bytes()
    assert [p.name for p in fetched.path.parent.iterdir()] == ["url_0123.mp4"]
    assert fetched.tool.startswith("yt-dlp 20")


def test_a_page_with_a_video_tag(site: Site, tmp_path: Path) -> None:
    make_video(site.root / "v.mp4")
    (site.root / "page.html").write_text(
        "<title>x</title><meta property='og:title' content='Phaco &amp; IOL $(reboot) ../..'>"
        "<meta property='og:description' content='dense cataract'><video src='v.mp4'></video>"
    )
    url = f"{site.url}/page.html"
    (found,) = downloader.expand(url)
    assert (found.url, found.webpage_url) == (url, url)
    assert (found.title, found.description) == ("Phaco & IOL $(reboot) ../..", "dense cataract")
    assert ids.site_id(found.extractor, found.site_id, found.url) == ids.url_id(url)
    fetched = downloader.fetch(url, tmp_path, "url_1")
    assert (fetched.path, fetched.metadata) == (tmp_path / "url_1.mp4", found)


def test_a_page_with_two_videos_gives_both(site: Site, tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_video(site.root / f"{name}.mp4")
    (site.root / "page.html").write_text("<video src='a.mp4'></video><video src='b.mp4'></video>")
    found = downloader.expand(f"{site.url}/page.html")
    assert [video.url for video in found] == [f"{site.url}/a.mp4", f"{site.url}/b.mp4"]
    assert kind_of(f"{site.url}/page.html", tmp_path / "media") is FailureKind.UNSUPPORTED
    assert not (tmp_path / "media").exists(), "refused before anything is fetched"


def test_a_page_with_json_ld(site: Site) -> None:
    make_video(site.root / "v.mp4")
    video = {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "name": "Trabeculectomy",
        "description": "with mitomycin",
        "uploadDate": "2024-05-01",
        "duration": "PT33S",
        "author": {"@type": "Person", "name": "Dr X"},
        "contentUrl": f"{site.url}/v.mp4",
    }
    script = f'<script type="application/ld+json">{json.dumps(video)}</script>'
    (site.root / "page.html").write_text(f"<html><head>{script}</head></html>")
    (found,) = downloader.expand(f"{site.url}/page.html")
    assert (found.title, found.description) == ("Trabeculectomy", "with mitomycin")
    assert (found.upload_date, found.duration_s, found.channel) == ("20240501", 33.0, "Dr X")


def test_entries_of_a_feed_that_share_a_file_name_have_ids_of_their_own(site: Site) -> None:
    items = "".join(
        f"<item><title>Case {name}</title><guid>{name}</guid><description>eye {name}</description>"
        f"<pubDate>Wed, 01 May 2024 10:00:00 GMT</pubDate>"
        f"<enclosure url='{site.url}/{name}/surgery1.mp4' type='video/mp4' length='1'/></item>"
        for name in ("a", "b", "a")
    )
    feed = f"<rss version='2.0'><channel><title>Eyes</title>{items}</channel></rss>"
    (site.root / "feed.xml").write_text(f"<?xml version='1.0'?>{feed}")
    found = downloader.expand(f"{site.url}/feed.xml")  # The files do not exist: none is asked for.
    assert [video.title for video in found] == ["Case a", "Case b"]
    assert [video.url for video in found] == [f"{site.url}/{n}/surgery1.mp4" for n in "ab"]
    assert found[0].upload_date == "20240501"
    assert len({ids.site_id(v.extractor, v.site_id, v.url) for v in found}) == 2


def test_a_part_is_resumed(site: Site, tmp_path: Path) -> None:
    content = make_video(site.root / "v.mp4", seconds=10.0, size=(320, 240)).read_bytes()
    assert kind_of(f"{site.url}/cut/v.mp4", tmp_path) is FailureKind.TRUNCATED
    (part,) = tmp_path.glob("url_x.*.mp4.part")
    had = part.stat().st_size
    fetched = downloader.fetch(f"{site.url}/v.mp4", tmp_path, "url_x")
    assert f"bytes={had}-" in site.ranges
    assert fetched.path.read_bytes() == content
    assert [path.name for path in tmp_path.glob("url_x*")] == ["url_x.mp4"]


def test_a_part_of_a_file_that_has_changed_is_dropped(site: Site, tmp_path: Path) -> None:
    make_video(site.root / "v.mp4", seconds=10.0, size=(320, 240))
    assert kind_of(f"{site.url}/cut/v.mp4", tmp_path) is FailureKind.TRUNCATED
    changed = make_video(site.root / "v.mp4", seconds=12.0, size=(320, 240)).read_bytes()
    with pytest.raises(ItemError, match="has changed on the server") as caught:
        downloader.fetch(f"{site.url}/v.mp4", tmp_path, "url_x")
    assert caught.value.kind is FailureKind.TRUNCATED
    assert not list(tmp_path.glob("url_x*"))
    assert downloader.fetch(f"{site.url}/v.mp4", tmp_path, "url_x").path.read_bytes() == changed


@pytest.mark.parametrize(("first", "then"), [("high", "low"), ("low", "high")])
def test_a_part_is_never_resumed_with_another_format(
    site: Site, tmp_path: Path, first: str, then: str
) -> None:
    heights = {"low": 240, "high": 480}
    for name, height in heights.items():
        make_video(site.root / f"{name}.webm", seconds=4.0, size=(height, height))
    sources = f"<source src='cut/{first}.webm' res='{heights[first]}'>"
    sources += f"<source src='{then}.webm' res='{heights[then]}'>"
    (site.root / "page.html").write_text(f"<title>x</title><video>{sources}</video>")
    url = f"{site.url}/page.html"
    with pytest.raises(ItemError) as caught:
        YtDlpDownloader(retries=0, max_height=heights[first]).fetch(url, tmp_path, "url_x")
    assert caught.value.kind is FailureKind.TRUNCATED
    assert list(tmp_path.glob("url_x.*.part"))
    fetched = YtDlpDownloader(retries=0, max_height=heights[then]).fetch(url, tmp_path, "url_x")
    assert fetched.path.read_bytes() == (site.root / f"{then}.webm").read_bytes()
    assert [path.name for path in tmp_path.glob("url_x*")] == ["url_x.webm"]


def test_what_was_had_whole_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    make_video(site.root / "v.mp4")
    had = tmp_path / "url_x.webm"
    had.write_bytes(b"had, in whatever format")
    (tmp_path / "url_x.proxy.mp4").touch()
    fetched = downloader.fetch(f"{site.url}/v.mp4", tmp_path, "url_x")
    assert (fetched.path, fetched.metadata.title) == (had, "v")
    assert had.read_bytes() == b"had, in whatever format"
    assert list(tmp_path.glob("url_x*")) == [had]


def test_a_text_named_mp4_is_fetched_and_then_found_out(site: Site, tmp_path: Path) -> None:
    (site.root / "v.mp4").write_text("this is no video, whatever the server says\n" * 100)
    fetched = downloader.fetch(f"{site.url}/v.mp4", tmp_path, "url_1")
    with pytest.raises(ItemError) as caught:
        probe(fetched.path)
    assert caught.value.kind is FailureKind.NOT_A_VIDEO


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, FailureKind.PRIVATE),
        (403, FailureKind.FORBIDDEN),
        (404, FailureKind.NOT_FOUND),
        (410, FailureKind.NOT_FOUND),
        (429, FailureKind.RATE_LIMITED),
        (451, FailureKind.GEO_BLOCKED),
        (503, FailureKind.SERVER_ERROR),
    ],
)
def test_each_status_has_its_kind(site: Site, status: int, kind: FailureKind) -> None:
    assert kind_of(f"{site.url}/status/{status}") is kind


def test_a_wait_that_the_server_asks_for_is_kept(site: Site) -> None:
    with pytest.raises(ItemError) as caught:
        downloader.expand(f"{site.url}/status/429")
    assert caught.value.retry_after_s == 7.0


def test_a_file_that_breaks_off(site: Site, tmp_path: Path) -> None:
    make_video(site.root / "v.mp4", seconds=5.0)
    assert kind_of(f"{site.url}/cut/v.mp4", tmp_path) is FailureKind.TRUNCATED
    assert not (tmp_path / "url_x.mp4").exists()


def test_a_server_that_does_not_answer(site: Site) -> None:
    make_video(site.root / "v.mp4")
    with pytest.raises(ItemError) as caught:
        YtDlpDownloader(timeout_s=0.5).expand(f"{site.url}/slow/v.mp4")
    assert caught.value.kind is FailureKind.TIMEOUT


def test_nobody_listens_and_nobody_is_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert kind_of(f"http://127.0.0.1:{port}/private.mp4") is FailureKind.NETWORK
    assert kind_of("http://removed.invalid/v.mp4") is FailureKind.NETWORK


def test_a_page_without_a_video(site: Site) -> None:
    (site.root / "page.html").write_text("<html><body>sign in to read</body></html>")
    assert kind_of(f"{site.url}/page.html") is FailureKind.UNSUPPORTED


def test_a_live_stream_is_not_waited_for(site: Site, tmp_path: Path) -> None:
    make_video(site.root / "s.ts")
    (site.root / "live.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\ns.ts\n")
    assert kind_of(f"{site.url}/live.m3u8", tmp_path) is FailureKind.LIVE


def test_a_missing_piece_of_a_stream_is_not_skipped_in_silence(site: Site, tmp_path: Path) -> None:
    make_video(site.root / "s.ts")
    (site.root / "v.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\ns.ts\n#EXTINF:2,\ngone.ts\n#EXT-X-ENDLIST\n"
    )
    assert kind_of(f"{site.url}/v.m3u8", tmp_path) is FailureKind.NOT_FOUND
    assert not (tmp_path / "url_x.mp4").exists()


def hls(site: Site, name: str, *pieces: str) -> str:
    """A stream of pieces; its address."""
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:4", *pieces, "#EXT-X-ENDLIST", ""]
    (site.root / name).write_text("\n".join(lines))
    return f"{site.url}/{name}"


def test_a_stream_is_put_together(site: Site, tmp_path: Path) -> None:
    make_video(site.root / "s.ts", seconds=2.0, audio=tone(2.0))
    url = hls(site, "v.m3u8", "#EXTINF:2,", "s.ts")
    fetched = downloader.fetch(url, tmp_path / "media", "url_x")
    assert probe(fetched.path).duration_s == pytest.approx(2.0, abs=0.2)
    assert [path.name for path in (tmp_path / "media").iterdir()] == ["url_x.mp4"]


def test_a_page_with_two_streams_of_picture_and_sound_apart_is_no_bug_of_ours(
    site: Site, tmp_path: Path
) -> None:
    make_video(site.root / "s.ts", seconds=2.0)
    hls(site, "picture.m3u8", "#EXTINF:2,", "s.ts")
    for name in ("a", "b"):
        (site.root / f"{name}.m3u8").write_text(
            '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="s",URI="picture.m3u8"\n'
            '#EXT-X-STREAM-INF:BANDWIDTH=90000,CODECS="avc1.4d401e",AUDIO="s"\npicture.m3u8\n'
        )
    (site.root / "page.html").write_text("<video src='a.m3u8'></video><video src='b.m3u8'></video>")
    (found,) = downloader.expand(f"{site.url}/page.html")
    assert found.url == f"{site.url}/page.html"
    assert kind_of(found.url, tmp_path) is FailureKind.UNSUPPORTED, "nobody tells which of the two"


def test_a_failure_removes_pieces_and_nothing_that_was_had(site: Site, tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    had = ("url_x.mp4", "url_x.flv", "url_x.proxy.mp4", "url_x.audio.m4a", "url_xy.mp4.part")
    pieces = (
        "url_x.fhls-1.5.mp4.part",
        "url_x.f137+140.f137.mp4",
        "url_x.f137.mp4.size.part",
        "url_x.mp4.part",
        "url_x.mp4.ytdl",
        "url_x.f137.mp4",
        "url_x.f140.m4a.part",
        "url_x.temp.mp4",
    )
    for name in (*had, *pieces, "url_x.mp4.part-Frag3"):
        (media / name).touch()
    assert kind_of(f"{site.url}/gone.mp4", media) is FailureKind.NOT_FOUND
    assert {path.name for path in media.iterdir()} == {*had}


def test_an_encrypted_stream_is_no_matter_for_another_program(site: Site, tmp_path: Path) -> None:
    key = bytes(range(16))
    plain = make_video(site.root / "s.ts", seconds=2.0).read_bytes()
    (site.root / "key").write_bytes(key)
    (site.root / "e.ts").write_bytes(AES.new(key, AES.MODE_CBC, bytes(16)).encrypt(pad(plain, 16)))
    url = hls(site, "v.m3u8", '#EXT-X-KEY:METHOD=AES-128,URI="key"', "#EXTINF:2,", "e.ts")
    fetched = downloader.fetch(url, tmp_path, "url_x")
    assert probe(fetched.path).duration_s == pytest.approx(2.0, abs=0.2)
    small = YtDlpDownloader(timeout_s=10.0, max_bytes=len(plain) / 2)
    with pytest.raises(ItemError) as caught:
        small.fetch(url, tmp_path / "small", "url_y")
    assert caught.value.kind is FailureKind.TOO_LARGE


def test_what_is_too_large_is_stopped_and_leaves_nothing(site: Site, tmp_path: Path) -> None:
    piece = make_video(site.root / "s.ts", seconds=2.0)
    make_video(site.root / "v.mp4", seconds=2.0)
    stream = hls(site, "v.m3u8", *["#EXTINF:2,", "s.ts"] * 4)
    small = YtDlpDownloader(timeout_s=10.0, retries=0, max_bytes=piece.stat().st_size * 2.5)
    with pytest.raises(ItemError) as caught:
        small.fetch(stream, tmp_path / "media", "url_x")
    assert caught.value.kind is FailureKind.TOO_LARGE
    smaller = YtDlpDownloader(timeout_s=10.0, retries=0, max_bytes=500.0)
    with pytest.raises(ItemError, match=r"raise download\.max_gb") as caught:
        smaller.fetch(f"{site.url}/v.mp4", tmp_path / "media", "url_y")
    assert caught.value.kind is FailureKind.TOO_LARGE
    assert list((tmp_path / "media").iterdir()) == []


def write_to(site: Site, directory: Path, place: str) -> None:
    """Let what comes next of a video that was cut off be written elsewhere."""
    make_video(site.root / "v.mp4", seconds=5.0, size=(320, 240))
    assert kind_of(f"{site.url}/cut/v.mp4", directory) is FailureKind.TRUNCATED
    (part,) = directory.glob("url_x.*.mp4.part")
    part.unlink()
    part.symlink_to(place)


def test_a_full_disk_is_told_and_not_filled_further(site: Site, tmp_path: Path) -> None:
    write_to(site, tmp_path, "/dev/full")
    assert kind_of(f"{site.url}/v.mp4", tmp_path) is FailureKind.DISK_FULL
    assert not list(tmp_path.glob("url_x*"))


def test_a_file_that_the_system_does_not_let_be_written_stops_the_run(
    site: Site, tmp_path: Path
) -> None:
    write_to(site, tmp_path, "/proc/version")
    with pytest.raises(DiskFaultError, match=r"The run stopped.*run the same command again"):
        kind_of(f"{site.url}/v.mp4", tmp_path)


def page(site: Site, **said: object) -> str:
    """A page that says this of its video; its address."""
    video = {"@context": "https://schema.org", "@type": "VideoObject", "name": "Phaco"}
    video |= {"contentUrl": f"{site.url}/v.mp4", **said}
    script = f'<script type="application/ld+json">{json.dumps(video)}</script>'
    (site.root / "page.html").write_text(f"<html><head>{script}</head></html>")
    return f"{site.url}/page.html"


@pytest.mark.parametrize(
    "said",
    [
        {"duration": f"PT{'9' * 400}S"},
        {"uploadDate": "0001-01-01T00:00:00+14:00"},
        {"contentUrl": "http://[half/v.mp4"},
        {"name": {"not": "a text"}, "description": ["nor", "this"]},
    ],
)
def test_a_page_that_yt_dlp_stumbles_over_is_a_fault_of_the_page(
    site: Site, tmp_path: Path, said: dict[str, object]
) -> None:
    make_video(site.root / "v.mp4")
    url = page(site, **said)
    assert kind_of(url) is FailureKind.UNSUPPORTED
    assert kind_of(url, tmp_path / "media") is FailureKind.UNSUPPORTED


def test_half_a_character_in_a_title_is_none(site: Site) -> None:
    make_video(site.root / "v.mp4")
    (found,) = downloader.expand(page(site, name="Phaco \ud83d", description="\ud83d"))
    assert (found.title, found.description) == ("Phaco", None)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://e.org/v.mp4", "--exec=touch x", "v.mp4"]
)
def test_only_web_addresses_are_taken(url: str, tmp_path: Path) -> None:
    assert kind_of(url) is FailureKind.UNSUPPORTED
    assert kind_of(url, tmp_path) is FailureKind.UNSUPPORTED


def test_a_name_that_is_no_id_never_becomes_a_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not an id"):
        downloader.fetch("http://127.0.0.1/v.mp4", tmp_path, "../x")
