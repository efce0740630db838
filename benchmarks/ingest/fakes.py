"""A downloader and a recogniser that take no time, at the ports of the real stages; all else is real.

The downloader lists one video behind each URL and "fetches" a tiny one, under the rate limit of the real one.
Their results for a video follow from its name, so that two runs can be compared.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from ophvl.download.rate_limited import RateLimitedDownloader
from ophvl.errors import ItemError
from ophvl.ports import (
    FetchedVideo,
    HotWords,
    Language,
    Segment,
    Transcript,
    VideoMetadata,
    Word,
)
from ophvl.stage import StageSpec
from pipelines import wiring
from pipelines.registry import load_stages
from pipelines.request_settings import RequestConfig
from pipelines.stages.transcribe import TranscribeConfig
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    from ophvl.ports import Samples

HERE = "benchmarks.ingest.fakes"
SECONDS = 1.0

FAKES = {"downloader": f"{HERE}:downloader", "recogniser": f"{HERE}:recogniser"}

A_HOST = 150
"""Videos of one host: with two requests each, metadata and file, they stay below its limit for an hour."""

GONE, LATE, COOKING = (f"https://odd.example/{name}" for name in ("gone", "late", "cooking"))
ODD = (GONE, LATE, COOKING)
"""A video that fails for good, one that fails at first, and one that is no surgery by its title."""


def stages(*, fetch: bool = False) -> tuple[StageSpec, ...]:
    """Return the stages of the registry with the two fakes; with `fetch` the downloader is the real one."""
    fake = {name: entry for name, entry in FAKES.items() if not (fetch and name == "downloader")}
    return tuple(
        replace(
            spec,
            ports={name: fake.get(name, entry) for name, entry in spec.ports.items()},
            pinned=(),
        )
        for spec in load_stages()
    )


def address(number: int) -> str:
    """Return the URL of a video."""
    return f"https://videos-{number // A_HOST}.example/{number:06d}"


def write_list(path: Path, numbers: Sequence[int], odd: Sequence[str] = ()) -> Path:
    """Write a source list of these videos, the odd ones first: those that fail at first are tried again."""
    path.write_text("".join(f"{url}\n" for url in (*odd, *map(address, numbers))))
    return path


DESCRIPTION = "Steps of cataract surgery with an intraocular lens. " * 8


@dataclass(frozen=True, kw_only=True)
class FakeDownloader:
    """Lists and fetches without delay (`ophvl.ports.Downloader`)."""

    template: Path
    revision: str = "fake"

    def expand(self, url: str) -> list[VideoMetadata]:
        """List the one video behind `url`."""
        name = url.rpartition("/")[2]
        surgery = "Phacoemulsification of a hard cataract, case {}"
        return [
            VideoMetadata(
                url=url,
                webpage_url=url,
                extractor="fakesite",
                site_id=name,
                title="Cooking pasta at home" if url == COOKING else surgery.format(name),
                description=None if url == COOKING else DESCRIPTION,
                channel="Eye clinic",
                channel_id=f"UC{zlib.crc32(name.encode()) % 97}",
                upload_date="20240501",
                duration_s=SECONDS,
                tags=("cataract", "phaco"),
                licence="Creative Commons Attribution",
            )
        ]

    def fetch(self, url: str, directory: Path, video_id: str) -> FetchedVideo:
        """Copy the template to `directory`, or fail as the odd videos do."""
        if url == GONE:
            raise ItemError(FailureKind.NOT_FOUND, f"{url} is gone")
        if url == LATE and not (tried := self.template.with_name(f"tried-{video_id}")).exists():
            tried.touch()
            raise ItemError(FailureKind.TIMEOUT, f"{url} does not answer")
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{video_id}.mp4"
        shutil.copyfile(self.template, path)
        with path.open(
            "ab"
        ) as file:  # Each file is another, as videos are; stray bytes do no harm.
            file.write(b"\0\0\0\x10free" + hashlib.sha256(url.encode()).digest()[:8])
        return FetchedVideo(path=path, tool="fake 1", metadata=self.expand(url)[0])


def downloader(config: RequestConfig, folder: Path) -> RateLimitedDownloader:
    """Return the downloader of the stages, with its rate limiter, around the fake."""
    limited = wiring.downloader(config, folder)
    assert isinstance(limited, RateLimitedDownloader)
    return replace(limited, inner=FakeDownloader(template=template(folder)))


def template(folder: Path) -> Path:
    """Return the tiny video that all are copies of, beside the dataset folder; make it at first use."""
    path = folder.parent / "template.mp4"
    if not path.exists():
        partial = path.with_name(f"template-{os.getpid()}.mp4")
        with av.open(str(partial), "w") as container:
            video = container.add_stream("h264", rate=4)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            sound = container.add_stream("aac", rate=16_000, layout="mono")
            for level in range(round(SECONDS * 4)):
                picture = np.full((48, 64, 3), 40 + level * 40, dtype=np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(video.encode(None))
            samples = av.AudioFrame.from_ndarray(
                np.zeros((1, 16_000), np.float32), format="fltp", layout="mono"
            )
            samples.sample_rate = 16_000
            container.mux(sound.encode(samples))
            container.mux(sound.encode(None))
        partial.replace(path)
    return path


@dataclass(frozen=True, kw_only=True)
class FakeRecogniser:
    """Returns the same transcript for every video, after `pause_s` (`ophvl.ports.Recogniser`)."""

    pause_s: float
    name: str = "fake"
    model: str = "fake"
    model_sha256: str = "0" * 64
    revision: str = "fake"
    note: str = "a fake recogniser"

    @cached_property
    def _transcript(self) -> Transcript:
        words = tuple(
            Word(
                word=word, start_s=0.1 * n, end_s=0.1 * n + 0.1, probability=0.9, interpolated=False
            )
            for n, word in enumerate(["now", "the", "capsule", "is", "opened"])
        )
        segment = Segment(
            start_s=0.0,
            end_s=0.5,
            text="now the capsule is opened",
            words=words,
            language="en",
            avg_logprob=-0.2,
            no_speech_prob=0.01,
            compression_ratio=1.1,
        )
        language = Language(code="en", probability=0.99, source="fake")
        return Transcript(language=language, speech_s=0.5, segments=(segment,))

    def transcribe(
        self, blocks: Iterator[Samples], duration_s: float, hot_words: HotWords
    ) -> Transcript:
        """Return the transcript after `pause_s`."""
        time.sleep(self.pause_s)
        return self._transcript


def recogniser(config: TranscribeConfig, folder: Path) -> FakeRecogniser:
    """Return a fake that pauses for OPHVL_FAKE_PAUSE_S seconds."""
    return FakeRecogniser(pause_s=float(os.environ.get("OPHVL_FAKE_PAUSE_S", "0")))
