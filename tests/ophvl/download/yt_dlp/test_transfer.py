"""Transfers that must not go on: too slow, or into the reserve of the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ophvl.download.yt_dlp.downloader import YtDlpDownloader
from ophvl.download.yt_dlp.transfer import Transfer
from ophvl.errors import ItemError
from schemas.vocab import FailureKind
from tests.fault_server import serving
from tests.media_factory import make_video

pytestmark = pytest.mark.filterwarnings(
    # yt-dlp leaves open what it is told to stop reading and writing.
    "ignore:unclosed <socket:ResourceWarning",
    "ignore:unclosed file:ResourceWarning",
)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return make_video(tmp_path / "v.mp4", seconds=2.0)


def test_a_transfer_that_trickles_is_given_up_and_may_be_resumed(
    video: Path, tmp_path: Path
) -> None:
    impatient = YtDlpDownloader(retries=0, slow_bytes_a_second=1e6, slow_s=0.3)
    with serving(video) as server:
        url = f"{server.url}/body-trickle.mp4"
        impatient.expand(url)
        with pytest.raises(ItemError, match=r"only \d+ bytes came in \d s") as caught:
            impatient.fetch(url, tmp_path / "media", "url_x")
    assert caught.value.kind is FailureKind.TIMEOUT
    assert {path.suffix for path in (tmp_path / "media").iterdir()} == {".part"}


@pytest.mark.parametrize("name", ["body-endless", "body-huge"])
def test_the_reserve_of_the_disk_is_left_whatever_length_is_announced(
    video: Path, small_disk: Path, name: str
) -> None:
    free = shutil.disk_usage(small_disk).free
    careful = YtDlpDownloader(retries=0, reserve_bytes=free * 0.75)
    with serving(video) as server:
        url = f"{server.url}/{name}.mp4"
        careful.expand(url)
        with pytest.raises(ItemError, match=r"the reserve \(download.reserve_gb\)") as caught:
            careful.fetch(url, small_disk / "media", "url_x")
    assert caught.value.kind is FailureKind.DISK_FULL
    assert list((small_disk / "media").iterdir()) == []


def test_a_file_that_an_earlier_attempt_completed_is_not_a_changed_one(tmp_path: Path) -> None:
    """Picture and sound apart: of a picture in pieces, yt-dlp tells the bytes alone once it is there."""

    def transfer() -> Transfer:
        return Transfer(
            url="https://example.org/v",
            directory=tmp_path,
            max_bytes=1000.0,
            reserve_bytes=0.0,
            slow_bytes_a_second=0.0,
            slow_s=300.0,
        )

    picture = tmp_path / "x.f1-720.mp4"
    picture.write_bytes(bytes(600))
    first = transfer()
    progress = {"filename": str(picture), "fragment_count": 3}
    first.on_progress({**progress, "status": "downloading", "downloaded_bytes": 300})
    first.on_progress(
        {**progress, "status": "finished", "downloaded_bytes": 600, "total_bytes": 600}
    )
    again = transfer()
    again.on_progress({"filename": str(picture), "status": "finished", "total_bytes": 600})
    assert picture.exists()
    with pytest.raises(ItemError, match="the limit is"):
        again.on_progress(
            {"filename": str(tmp_path / "sound"), "status": "downloading", "total_bytes": 500}
        )
