"""What can be set for each stage. Nothing heavy, so that the command line may import it.

A threshold stands in the latest stage that can apply it: earlier stages store scores, so that changing
a threshold never transcribes anything again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ophvl.config import effort

_WHISPERS_LANGUAGES = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr "
    "ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc "
    "pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue "
    "zh"
)
LANGUAGES = frozenset(_WHISPERS_LANGUAGES.split())
"""Codes of the languages that Whisper knows: ISO 639-1 where there is one."""


def _require_positive(config: object, *names: str) -> None:
    for name in names:
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be at least 1")


def _absolute(path: str) -> str:
    """As it is meant where it is written: later runs on the dataset folder may start elsewhere."""
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError as err:
        raise ValueError(f"cannot tell whose home '{path}' begins with") from err


@dataclass(frozen=True, kw_only=True)
class _AskingConfig:
    """How hosts are asked: for stages that do."""

    # Seconds between two requests to one host, on average; jitter makes it half to one and a half.
    gap_s: float = effort(6.0)
    # Requests that one host gets in an hour, at most.
    per_hour: int = effort(300)
    # Wait after a first refusal ("too many requests") that names no time; doubled after each further one.
    pause_s: float = effort(20.0)
    # Keep that pace for hosts of this machine and of private networks too.
    pace_local: bool = effort(False)
    # Wait for one answer of a server, in seconds; a broken transfer is resumed so often.
    timeout_s: float = effort(30.0)
    retries: int = effort(3)
    # A cookie file (Netscape form) for sites that want a login; read, never written or remembered.
    cookies: str | None = effort(None, kept=False)

    def __post_init__(self) -> None:
        _require_positive(self, "per_hour")
        if min(self.gap_s, self.pause_s, self.retries) < 0 or self.timeout_s <= 0:
            raise ValueError("gap_s, pause_s, retries >= 0 and timeout_s > 0 must hold")
        if self.cookies:
            object.__setattr__(self, "cookies", _absolute(self.cookies))


@dataclass(frozen=True, kw_only=True)
class DiscoverConfig(_AskingConfig):
    """Only how hosts are asked."""


@dataclass(frozen=True, kw_only=True)
class AdmitConfig:
    """Nothing to set: the lists lie in the dataset folder."""


@dataclass(frozen=True, kw_only=True)
class DownloadConfig(_AskingConfig):
    # Fetch videos whose title says that they are not surgery.
    assume_surgical: bool = False
    # Largest picture height to fetch, in pixels; what is fetched already stays as it is.
    max_height: int = effort(720)
    # What is larger or longer is refused.
    max_gb: float = effort(20.0)
    max_hours: float = effort(12.0)
    # Room on the disk that a fetch must leave.
    reserve_gb: float = effort(2.0)
    # Take the subtitles that a site offers along, as a second source of text.
    subtitles: bool = effort(True)

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_positive(self, "max_height")
        if min(self.max_gb, self.max_hours) <= 0 or self.reserve_gb < 0:
            raise ValueError("max_gb, max_hours > 0 and reserve_gb >= 0 must hold")


@dataclass(frozen=True, kw_only=True)
class TranscribeConfig:
    recogniser: Literal["faster-whisper", "openai-whisper"] = "faster-whisper"
    # A folder of weights, a name on the model hub, or "auto" for the best that is in reach.
    model: str = "auto"
    # Code of a language that Whisper knows, such as "en" (ISO 639-1), or "auto" to detect it.
    language: str = "auto"
    # Hot words and prompt: "packaged", "off", or a TOML file like ophvl/speech/hot_words.toml.
    hot_words: str = "packaged"
    beam_size: int = 5

    def __post_init__(self) -> None:
        _require_positive(self, "beam_size")
        if self.language not in {"auto", *LANGUAGES}:
            raise ValueError(
                f"language '{self.language}' is not one that Whisper knows; write its ISO 639-1 code "
                "(https://en.wikipedia.org/wiki/ISO_639-1), or auto. Known are: "
                f"{_WHISPERS_LANGUAGES}"
            )
        if self.hot_words not in {"packaged", "off"}:
            object.__setattr__(self, "hot_words", _absolute(self.hot_words))


@dataclass(frozen=True, kw_only=True)
class KeepConfig:
    # What is left of a fetched video once it is transcribed: all, proxy or audio.
    media: Literal["all", "proxy", "audio"] = "all"
    # Proxies: pixels of the short side, pictures a second, quality (lower is better).
    short_side: int = 256
    fps: float = 4.0
    crf: int = 20

    def __post_init__(self) -> None:
        _require_positive(self, "short_side", "crf")
        if self.fps <= 0:
            raise ValueError("fps must be more than 0")


@dataclass(frozen=True, kw_only=True)
class ReviewConfig:
    """Nothing to set yet."""


@dataclass(frozen=True, kw_only=True)
class SegmentConfig:
    # Shorter narrations are merged with the next one; longer ones are cut at sentence borders.
    min_clip_s: float = 3.0
    max_clip_s: float = 15.0
    # A silence of this length always ends a narration.
    max_gap_s: float = 2.0
    # Correct what the recogniser misheard, by the terms of the ontology.
    correct: bool = True
    # A masked language model that helps to judge corrections: a name on the model hub or a folder.
    masked_lm: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.min_clip_s <= self.max_clip_s:
            raise ValueError("0 < min_clip_s <= max_clip_s must hold")


@dataclass(frozen=True, kw_only=True)
class RewriteConfig:
    # Base URL of an OpenAI-compatible server, e.g. http://localhost:8000/v1; none leaves texts as they are.
    endpoint: str | None = None
    # Name of the language model there.
    model: str = ""
    # The environment variable that holds the key, if one is needed.
    api_key_variable: str = "OPENAI_API_KEY"
    # What this dataset folder may spend in all, prompts and answers together.
    max_tokens: int = 1_000_000
    # Narrations with a lower descriptive score are not worth it: `pair` drops them.
    min_descriptive_score: float = 0.3

    def __post_init__(self) -> None:
        _require_positive(self, "max_tokens")
        if self.endpoint is not None and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError("endpoint must begin with http:// or https://")
        if self.endpoint is not None and not self.model:
            raise ValueError("model must name a model where endpoint is set")


@dataclass(frozen=True, kw_only=True)
class TagConfig:
    # A table of codes of other systems for the ontology's concepts: concept_id, system, code; tab-separated.
    codes: str | None = None

    def __post_init__(self) -> None:
        if self.codes:
            object.__setattr__(self, "codes", _absolute(self.codes))


@dataclass(frozen=True, kw_only=True)
class TitleConfig:
    # Keep videos whose title says that they are not surgery.
    assume_surgical: bool = False


@dataclass(frozen=True, kw_only=True)
class SplitConfig:
    # Shares of source videos; the rest is for training.
    val_share: float = 0.05
    test_share: float = 0.05
    # Another salt draws another assignment.
    salt: str = "ophvl"

    def __post_init__(self) -> None:
        if min(self.val_share, self.test_share) < 0 or self.val_share + self.test_share >= 1:
            raise ValueError("val_share and test_share must be at least 0 and sum to less than 1")


@dataclass(frozen=True, kw_only=True)
class PairConfig:
    # A video with less speech than this (share of its duration) is silent.
    min_speech_ratio: float = 0.05
    min_words_per_minute: float = 10.0
    # A video in another language, surely detected, is silent.
    language: str = "en"
    min_language_probability: float = 0.7
    # Narrations with a lower descriptive score are dropped.
    min_descriptive_score: float = 0.3
    # Train on a narration's rewrite where stage rewrite accepted one.
    use_rewrites: bool = True
    # Frames seen in one clip, and in one whole video.
    clip_frames: int = 8
    video_frames: int = 64

    def __post_init__(self) -> None:
        _require_positive(self, "clip_frames", "video_frames")


@dataclass(frozen=True, kw_only=True)
class FramesConfig:
    # Length of the picture's short side in pixels; smaller pictures are not enlarged.
    short_side: int = 256
    quality: int = 90

    def __post_init__(self) -> None:
        _require_positive(self, "short_side", "quality")
        if self.quality > 100:
            raise ValueError("quality must be at most 100")


@dataclass(frozen=True, kw_only=True)
class ShardConfig:
    # Rows of at least this many bytes fill a shard file; the last may be smaller.
    shard_bytes: int = 256 * 2**20
    row_group_bytes: int = 8 * 2**20

    def __post_init__(self) -> None:
        _require_positive(self, "shard_bytes", "row_group_bytes")


CONFIGS: dict[str, type] = {
    "discover": DiscoverConfig,
    "admit": AdmitConfig,
    "download": DownloadConfig,
    "transcribe": TranscribeConfig,
    "keep": KeepConfig,
    "review": ReviewConfig,
    "segment": SegmentConfig,
    "rewrite": RewriteConfig,
    "tag": TagConfig,
    "title": TitleConfig,
    "split": SplitConfig,
    "pair": PairConfig,
    "frames": FramesConfig,
    "shard": ShardConfig,
}
