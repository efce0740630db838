"""The tools that stages use, as protocols, and the plain records that these tools return.

The adapters live with their subjects: `ophvl.download`, `ophvl.media`, `ophvl.speech`, `ophvl.text`. A stage
knows only the protocols. A port raises `ItemError` for an item that cannot be processed, and nothing else for
faults of the item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ophvl.errors import ItemError
from ophvl.stage import Port
from ophvl.unicode import (
    DESCRIPTION_CHARACTERS,
    NAME_CHARACTERS,
    TITLE_CHARACTERS,
    normalise_markup,
)
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
class VideoMetadata:
    """Metadata of a video that a URL leads to, before it is fetched. None where the site gives no value.

    `url` is the address to fetch, which identifies the video. `site_id` is the extractor's own id, empty
    where it gives none; only ids of real sites are unique (see `ophvl.ids.site_id`). Entries of a playlist
    or feed have only what the list says, often just a title. Texts are normalised (`ophvl.unicode`), wherever
    they come from.
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

    def __post_init__(self) -> None:
        limits = dict.fromkeys(("channel", "language"), NAME_CHARACTERS)
        limits |= {"title": TITLE_CHARACTERS, "description": DESCRIPTION_CHARACTERS}
        limits["licence"] = DESCRIPTION_CHARACTERS
        texts: dict[str, object] = {
            name: normalise_markup(text, limit).strip() or None
            for name, limit in limits.items()
            if (text := getattr(self, name)) is not None
        }
        texts["title"] = texts["title"] or ""
        if self.licence and len(licence := str(texts["licence"])) > NAME_CHARACTERS:
            # What is cut off may restrict it, so it must not pass for a licence that ends there.
            texts["licence"] = f"{licence[: NAME_CHARACTERS - 3]}..."
        tags = (normalise_markup(tag, NAME_CHARACTERS).strip() for tag in self.tags)
        texts["tags"] = tuple(filter(None, tags))
        texts["chapters"] = tuple(
            replace(chapter, title=normalise_markup(chapter.title, TITLE_CHARACTERS))
            for chapter in self.chapters
        )
        for name, value in texts.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, kw_only=True)
class Subtitle:
    """A line of subtitles on the screen in [start_s, end_s), in a language as its publisher names it."""

    kind: CaptionKind
    language: str
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, kw_only=True)
class FetchedVideo:
    """A fetched file. `metadata` comes from the page of this one video: the fullest there is."""

    path: Path
    tool: str
    metadata: VideoMetadata
    subtitles: tuple[Subtitle, ...] = ()
    refusal: ItemError | None = None
    """The error with which the host refused a further request, so that subtitles are missing."""


@dataclass(frozen=True)
class MediaFile:
    """A file to decode, and what a probe found that its decoders must know."""

    path: Path
    audio_stream: int = 0
    """Which of the audio streams is heard."""
    clock_jumps: int = 0
    """How often its time stamps restart or jump."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A video file as the decoder sees it. Width and height are of the picture as displayed."""

    path: Path
    bytes: int
    sha256: str
    duration_s: float
    """How long it can be played."""
    pictures_s: float
    """When the last picture ends."""
    sound_s: tuple[float, ...]
    """When the sound ends, for each audio stream; 0 for those that cannot be decoded."""
    default_audio: tuple[int, ...]
    """The audio streams that the file marks as default."""
    missing_s: float
    """How much of the duration that its header names is not there."""
    clock_jumps: int
    """How often its time stamps restart or jump."""
    width: int
    height: int
    fps: float
    video_codec: str

    @property
    def has_audio(self) -> bool:
        """Whether there is an audio stream that can be decoded."""
        return any(self.sound_s)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The frame at `time_s`, the requested time.

    `damaged` is the number of packets since the frame before that could not be decoded.
    """

    time_s: float
    jpeg: bytes
    width: int
    height: int
    damaged: int = 0


@dataclass(frozen=True, kw_only=True)
class HotWords:
    """Hints for a recogniser: terms, and sentences in the style of the expected speech."""

    version: int
    words: tuple[str, ...]
    prompt: str
    sha256: str

    @property
    def revision(self) -> str:
        """The version and the content hash."""
        return f"hot words {self.version}@{self.sha256[:12]}"

    @property
    def text(self) -> str:
        """The words, then the prompt, whose style the recogniser continues."""
        listed = ", ".join(self.words)
        return " ".join(part for part in (listed and f"{listed}.", self.prompt) if part)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A span of recognised speech. Its words lie inside it, in order, without overlap.

    `language` (ISO 639-1) is that of the text. The three measures are those of its recognition window of at
    most 30 s. `flags` are the hallucination filters that flag it.
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
    """The spoken language (ISO 639-1), its probability, and its source: "config" or a model.

    All None without speech, or without a model that detects languages.
    """

    code: str | None = None
    probability: float | None = None
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """The recognised speech of a video."""

    language: Language
    speech_s: float
    segments: tuple[Segment, ...]


class Downloader(Port, Protocol):
    """Finds and fetches videos behind URLs."""

    def expand(self, url: str) -> list[VideoMetadata]:
        """Return the videos that a URL leads to: one, or those of a page, playlist, channel or feed."""
        ...

    def fetch(self, url: str, directory: Path, video_id: str) -> FetchedVideo:
        """Fetch one video to `directory/<video_id>.<ext>`; resume where an earlier try stopped."""
        ...


class Sound(Protocol):
    """Blocks of samples. `damaged_packets` counts once all are read."""

    @property
    def damaged_packets(self) -> int:
        """The number of packets that could not be decoded."""
        ...

    def __iter__(self) -> Iterator[Samples]: ...


class AudioReader(Port, Protocol):
    """Reads the sound of a video in blocks."""

    def blocks(self, file: MediaFile) -> Sound:
        """Return the sound from time 0 of the video, in equal blocks; the last may be shorter."""
        ...


class SpeechMeter(Port, Protocol):
    """Tells how much speech there is in the sound of a file."""

    def speech_s(self, file: MediaFile) -> float:
        """Return how many seconds of speech the first minutes of the sound hold."""
        ...


class FrameReader(Port, Protocol):
    """Reads frames of a video as JPEG."""

    def read(self, file: MediaFile, times_s: Sequence[float]) -> Iterator[Frame]:
        """Yield the frames at these times, in order of time, each time once."""
        ...


class Recogniser(Port, Protocol):
    """Turns speech to text with word times. `model` and `model_sha256` name the weights."""

    @property
    def name(self) -> str:
        """The engine's name, as settings know it."""
        ...

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    @property
    def model_sha256(self) -> str:
        """The hash of the weights."""
        ...

    def transcribe(
        self, blocks: Iterator[Samples], duration_s: float, hot_words: HotWords
    ) -> Transcript:
        """Transcribe the blocks of one video of this duration; times are those of the video."""
        ...
