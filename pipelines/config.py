"""What can be set for each stage. Nothing heavy, so that the command line may import it.

A threshold stands in the latest stage that can apply it: earlier stages store scores, so that changing
a threshold never transcribes anything again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from ophvl.config import EFFORT, UNSAVED, Settings, Unit

_WHISPERS_LANGUAGES = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr "
    "ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc "
    "pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue "
    "zh"
)
LANGUAGES = frozenset(_WHISPERS_LANGUAGES.split())
"""Codes of the languages that Whisper knows: ISO 639-1 where there is one."""


def _absolute(path: str) -> str:
    """Return `path` as it is meant where it is written: later runs on the folder may start elsewhere."""
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError as err:
        raise ValueError(f"there is no home folder for '{path}'") from err


class _RequestConfig(Settings):
    """Settings of stages that send requests to hosts."""

    gap_s: Annotated[float, Unit("s"), EFFORT] = Field(
        6.0,
        ge=0,
        description="Time between two requests to one host, on average; jitter makes it half to one and a "
        "half of that.",
    )
    per_hour: Annotated[int, EFFORT] = Field(
        300, ge=1, description="Most requests to one host in an hour."
    )
    pause_s: Annotated[float, Unit("s"), EFFORT] = Field(
        20.0,
        ge=0,
        description='Wait after a first refusal ("too many requests") that names no time; doubled after each '
        "further one.",
    )
    pace_local: Annotated[bool, EFFORT] = Field(
        False, description="Limit requests to this machine and to private networks too."
    )
    timeout_s: Annotated[float, Unit("s"), EFFORT] = Field(
        30.0, gt=0, description="Longest wait for one answer of a server."
    )
    retries: Annotated[int, EFFORT] = Field(
        3, ge=0, description="How often a broken transfer is resumed."
    )
    cookies: Annotated[str | None, EFFORT, UNSAVED] = Field(
        None,
        description="Cookie file (Netscape format) for sites that need a login; it is only read, and its path "
        "is not saved.",
    )

    @field_validator("cookies")
    @classmethod
    def _absolute_path(cls, path: str | None) -> str | None:
        return _absolute(path) if path else path


class DiscoverConfig(_RequestConfig):
    """Settings of stage discover."""


class AdmitConfig(Settings):
    """Settings of stage admit: none; its lists are files of the dataset folder."""


class DownloadConfig(_RequestConfig):
    """Settings of stage download."""

    assume_surgical: bool = Field(
        False, description="Fetch videos whose title says that they are not surgery."
    )
    max_height: Annotated[int, Unit("pixels"), EFFORT] = Field(
        720,
        ge=1,
        description="Largest picture height to fetch; files fetched before stay as they are.",
    )
    max_gb: Annotated[float, Unit("GB"), EFFORT] = Field(
        20.0, gt=0, description="Larger files are refused."
    )
    max_hours: Annotated[float, Unit("h"), EFFORT] = Field(
        12.0, gt=0, description="Longer videos are refused."
    )
    reserve_gb: Annotated[float, Unit("GB"), EFFORT] = Field(
        2.0, ge=0, description="Free disk space that a fetch must leave."
    )
    subtitles: Annotated[bool, EFFORT] = Field(
        True, description="Fetch a site's subtitles too, as a second source of text."
    )


class TranscribeConfig(Settings):
    """Settings of stage transcribe."""

    recogniser: Literal["faster-whisper", "openai-whisper"] = Field(
        "faster-whisper", description="Engine for speech recognition."
    )
    model: str = Field(
        "auto",
        description='Folder of weights, a name on the model hub, or "auto" for the best one available.',
    )
    language: str = Field(
        "auto",
        description='Code of a language that Whisper knows, such as "en" (ISO 639-1), or "auto" to detect it.',
    )
    hot_words: str = Field(
        "packaged",
        description='Hot words and prompt: "packaged", "off", or a TOML file like '
        "ophvl/speech/hot_words.toml.",
    )
    beam_size: int = Field(5, ge=1, description="Beams of the recogniser's search.")

    @field_validator("language")
    @classmethod
    def _known_language(cls, code: str) -> str:
        if code not in {"auto", *LANGUAGES}:
            raise ValueError(
                f"'{code}' is not a language that Whisper knows; write its ISO 639-1 code "
                "(https://en.wikipedia.org/wiki/ISO_639-1), or auto. Known are: "
                f"{_WHISPERS_LANGUAGES}"
            )
        return code

    @field_validator("hot_words")
    @classmethod
    def _absolute_path(cls, hot_words: str) -> str:
        return hot_words if hot_words in {"packaged", "off"} else _absolute(hot_words)


class KeepConfig(Settings):
    """Settings of stage keep."""

    media: Literal["all", "proxy", "audio"] = Field(
        "all", description="What is left of a fetched video once it is transcribed."
    )
    short_side: Annotated[int, Unit("pixels")] = Field(
        256, ge=1, description="Short side of a proxy's picture."
    )
    fps: Annotated[float, Unit("1/s")] = Field(4.0, gt=0, description="Frame rate of a proxy.")
    crf: int = Field(20, ge=1, description="Quality of a proxy (H.264 CRF); lower is better.")


class ReviewConfig(Settings):
    """Settings of stage review: none."""


class SegmentConfig(Settings):
    """Settings of stage segment."""

    min_clip_s: Annotated[float, Unit("s")] = Field(
        3.0, gt=0, description="Shorter narrations are merged with the next one."
    )
    max_clip_s: Annotated[float, Unit("s")] = Field(
        15.0, description="Longer narrations are cut at sentence borders."
    )
    max_gap_s: Annotated[float, Unit("s")] = Field(
        2.0, description="A silence of this length always ends a narration."
    )
    correct: bool = Field(
        True, description="Correct what the recogniser misheard, by the terms of the ontology."
    )
    masked_lm: str | None = Field(
        None,
        description="Masked language model that helps to judge corrections: a name on the model hub or a "
        "folder.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_clip_s > self.max_clip_s:
            raise ValueError("min_clip_s <= max_clip_s must hold")
        return self


class RewriteConfig(Settings):
    """Settings of stage rewrite."""

    endpoint: str | None = Field(
        None,
        description="Base URL of an OpenAI-compatible server, e.g. http://localhost:8000/v1; without one, "
        "texts stay as they are.",
    )
    model: str = Field("", description="Name of the language model on that server.")
    api_key_variable: str = Field(
        "OPENAI_API_KEY",
        description="Environment variable that holds the server's key, if it needs one.",
    )
    max_tokens: Annotated[int, Unit("tokens")] = Field(
        1_000_000,
        ge=1,
        description="Most tokens that this dataset folder may use in all, prompts and answers together.",
    )
    min_descriptive_score: float = Field(
        0.3,
        description="Narrations with a lower descriptive score are not rewritten: stage pair drops them.",
    )

    @model_validator(mode="after")
    def _complete_endpoint(self) -> Self:
        if self.endpoint is not None and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError("endpoint must begin with http:// or https://")
        if self.endpoint is not None and not self.model:
            raise ValueError("model must name a model where endpoint is set")
        return self


class TagConfig(Settings):
    """Settings of stage tag."""

    codes: str | None = Field(
        None,
        description="Table of codes of other systems for the ontology's concepts: concept_id, system, code; "
        "tab-separated.",
    )

    @field_validator("codes")
    @classmethod
    def _absolute_path(cls, path: str | None) -> str | None:
        return _absolute(path) if path else path


class TitleConfig(Settings):
    """Settings of stage title."""

    assume_surgical: bool = Field(
        False, description="Keep videos whose title says that they are not surgery."
    )


class SplitConfig(Settings):
    """Settings of stage split; the rest of the videos is for training."""

    val_share: float = Field(0.05, ge=0, description="Share of source videos for validation.")
    test_share: float = Field(0.05, ge=0, description="Share of source videos for testing.")
    salt: str = Field("ophvl", description="Another salt draws another assignment.")

    @model_validator(mode="after")
    def _something_to_train(self) -> Self:
        if self.val_share + self.test_share >= 1:
            raise ValueError("val_share and test_share must sum to less than 1")
        return self


class PairConfig(Settings):
    """Settings of stage pair."""

    min_speech_ratio: float = Field(
        0.05, description="A video with less speech (share of its duration) counts as silent."
    )
    min_words_per_minute: Annotated[float, Unit("words/min")] = Field(
        10.0, description="A video with fewer words counts as silent."
    )
    language: str = Field(
        "en", description="A video in another language, detected with certainty, counts as silent."
    )
    min_language_probability: float = Field(
        0.7, description="From this probability on, a detected language is certain."
    )
    min_descriptive_score: float = Field(
        0.3, description="Narrations with a lower descriptive score are dropped."
    )
    use_rewrites: bool = Field(
        True, description="Train on a narration's rewrite where stage rewrite accepted one."
    )
    clip_frames: Annotated[int, Unit("frames")] = Field(
        8, ge=1, description="Frames taken from one clip."
    )
    video_frames: Annotated[int, Unit("frames")] = Field(
        64, ge=1, description="Frames taken from one whole video."
    )


class FramesConfig(Settings):
    """Settings of stage frames."""

    short_side: Annotated[int, Unit("pixels")] = Field(
        256, ge=1, description="Short side of each picture; smaller pictures are not enlarged."
    )
    quality: int = Field(90, ge=1, le=100, description="JPEG quality.")


class ShardConfig(Settings):
    """Settings of stage shard."""

    shard_bytes: Annotated[int, Unit("bytes")] = Field(
        256 * 2**20,
        ge=1,
        description="Size of the rows that fill a shard file, at least; the last file may be smaller.",
    )
    row_group_bytes: Annotated[int, Unit("bytes")] = Field(
        8 * 2**20, ge=1, description="Size of the rows that fill a row group, at least."
    )


CONFIGS: dict[str, type[Settings]] = {
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
