"""A downloader and a recogniser that take no time, at the ports of the real stages; all else is real.

The downloader "finds" one video behind each URL and "fetches" a tiny one. What it and the recogniser say of a
video follows from its name, so that two runs can be compared.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from ophvl.ports import (
    Fetched,
    Found,
    HotWords,
    Language,
    Segment,
    Transcript,
    Word,
)
from ophvl.stage import StageSpec
from pipelines.config import DiscoverConfig, DownloadConfig, TranscribeConfig
from pipelines.registry import STAGES

if TYPE_CHECKING:
    from ophvl.ports import Samples

HERE = "benchmarks.ingest.fakes"
SECONDS = 1.0


def stages() -> tuple[StageSpec, ...]:
    """The stages of the registry with the two tools in place."""
    fake = {"downloader": f"{HERE}:downloader", "recogniser": f"{HERE}:recogniser"}
    return tuple(
        replace(
            spec,
            ports={name: fake.get(name, entry) for name, entry in spec.ports.items()},
            pinned=(),
        )
        for spec in STAGES
    )


def address(number: int) -> str:
    """The URL of a video."""
    return f"https://videos.example/{number:06d}"


def write_list(path: Path, numbers: Sequence[int]) -> Path:
    """A source list of these videos."""
    path.write_text("".join(f"{address(number)}\n" for number in numbers))
    return path


@dataclass(frozen=True, kw_only=True)
class FakeDownloader:
    """Finds and fetches at once (`ophvl.ports.Downloader`)."""

    template: Path
    revision: str = "fake"

    def expand(self, url: str) -> list[Found]:
        name = url.rpartition("/")[2]
        return [
            Found(
                url=url,
                webpage_url=url,
                extractor="fakesite",
                site_id=name,
                title=f"Phacoemulsification of a hard cataract, case {name}",
                description="Steps of cataract surgery with an intraocular lens. " * 8,
                channel="Eye clinic",
                channel_id=f"UC{int(name) % 97}",
                upload_date="20240501",
                duration_s=SECONDS,
                tags=("cataract", "phaco"),
                licence="Creative Commons Attribution",
            )
        ]

    def fetch(self, url: str, directory: Path, video_id: str) -> Fetched:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{video_id}.mp4"
        shutil.copyfile(self.template, path)
        with path.open(
            "ab"
        ) as file:  # Each file is another, as videos are; stray bytes do no harm.
            file.write(b"\0\0\0\x10free" + hashlib.sha256(url.encode()).digest()[:8])
        return Fetched(path=path, tool="fake 1", found=self.expand(url)[0])


def downloader(config: DiscoverConfig | DownloadConfig, folder: Path) -> FakeDownloader:
    return FakeDownloader(template=template(folder))


def template(folder: Path) -> Path:
    """The tiny video that all are copies of, beside the dataset folder."""
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
    """Hears the same in every video, after `pause_s` (`ophvl.ports.Recogniser`)."""

    pause_s: float
    name: str = "fake"
    model: str = "fake"
    model_sha256: str = "0" * 64
    revision: str = "fake"
    note: str = "a recogniser that hears nothing"

    @cached_property
    def _heard(self) -> Transcript:
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
        time.sleep(self.pause_s)
        return self._heard


def recogniser(config: TranscribeConfig, folder: Path) -> FakeRecogniser:
    return FakeRecogniser(pause_s=float(os.environ.get("OPHVL_FAKE_PAUSE_S", "0")))
