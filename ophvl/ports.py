"""The tools that stages may use, as protocols, and the plain records that these tools hand back.

Adapters live in `ophvl.backends` and `ophvl.media`; a stage sees only what stands here. Every port
raises `ItemError` for an item that cannot be processed, and nothing else for faults of the item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ophvl.errors import ItemError
from ophvl.stage import Port
from schemas.guards import Guard
from schemas.transcripts import Word as Word
from schemas.videos import Chapter as Chapter
from schemas.vocab import CaptionKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    """Mono audio at `SAMPLE_RATE`, shape (n,), values in [-1, 1]."""

SAMPLE_RATE = 16_000
"""Samples in a second of audio: what Whisper was trained on."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A video that a URL led to, before anything is fetched. None where the site does not say.

    `url` is what to fetch and what the video is known by; `site_id` is the extractor's own id,
    empty where it gives none; only those of real sites are unique (see `ophvl.ids.site_id`). Entries of
    a playlist or feed hold what the list says of them, often just a title.
    """

    url: str
    webpage_url: str | None
    extractor: str
    site_id: str
    title: str
    description: str | None = None
    channel: str | None = None
    channel_id: str | None = None
    channel_handle: str | None = None
    upload_date: str | None = None
    duration_s: float | None = None
    chapters: tuple[Chapter, ...] = ()
    tags: tuple[str, ...] = ()
    language: str | None = None
    licence: str | None = None


@dataclass(frozen=True, kw_only=True)
class Subtitle:
    """A line of subtitles on the screen in [start_s, end_s), in a language as its publisher names it."""

    kind: CaptionKind
    language: str
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A fetched file. `found` is what the site says of this one video: the fullest metadata."""

    path: Path
    tool: str
    found: Found
    subtitles: tuple[Subtitle, ...] = ()
    refusal: ItemError | None = None
    """Its host refused to be asked for more on the way: subtitles are missing."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A video file as the decoder sees it. Width and height are of the picture as displayed."""

    path: Path
    bytes: int
    sha256: str
    duration_s: float
    width: int
    height: int
    fps: float
    video_codec: str
    has_audio: bool


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The picture shown at `time_s`, the time that was asked for."""

    time_s: float
    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class HotWords:
    """What a recogniser is told beforehand: terms, and sentences in the style of what will be said."""

    version: int
    words: tuple[str, ...]
    prompt: str
    sha256: str

    @property
    def revision(self) -> str:
        return f"hot words {self.version}@{self.sha256[:12]}"

    @property
    def text(self) -> str:
        """The words, then the prompt, whose style the recogniser goes on with."""
        listed = ", ".join(self.words)
        return " ".join(part for part in (listed and f"{listed}.", self.prompt) if part)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of recognised speech. Its words lie inside it, in order, without overlap.

    `language` (ISO 639-1) is that of the text. The three measures are those of the window of at most 30 s
    that it was heard in. `flags` are the guards that take it for invented.
    """

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...]
    language: str
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    flags: frozenset[Guard] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Language:
    """The language spoken (ISO 639-1), how sure it is, and who says so: "config" or a model.

    All None where there is no speech, or no model that tells languages apart.
    """

    code: str | None = None
    probability: float | None = None
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What was heard in a video."""

    language: Language
    speech_s: float
    segments: tuple[Segment, ...]


class Downloader(Port, Protocol):
    """Finds and fetches videos behind URLs."""

    def expand(self, url: str) -> list[Found]:
        """The videos that a URL leads to: one, or those of a page, playlist, channel or feed."""
        ...

    def fetch(self, url: str, directory: Path, video_id: str) -> Fetched:
        """Fetch one video to `directory/<video_id>.<ext>`; go on where an earlier try stopped."""
        ...


class AudioReader(Port, Protocol):
    """Reads the sound of a video, piece by piece."""

    def blocks(self, path: Path) -> Iterator[Samples]:
        """The first audio stream from time 0 of the video, in equal blocks; the last is shorter."""
        ...


class FrameReader(Port, Protocol):
    """Reads pictures of a video as JPEG."""

    def read(self, path: Path, times_s: Sequence[float]) -> Iterator[Frame]:
        """The pictures shown at these times, in order of time, each time once."""
        ...


class Recogniser(Port, Protocol):
    """Turns speech to text with word times. `model` and `model_sha256` name the weights."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def model_sha256(self) -> str: ...

    def transcribe(
        self, blocks: Iterator[Samples], duration_s: float, hot_words: HotWords
    ) -> Transcript:
        """Transcribe the blocks of one video of this duration; times are those of the video."""
        ...
