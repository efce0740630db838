"""Open the tools that stages use: functions of a stage's config and the dataset folder.

The only place where a stage's settings meet an adapter. Opening is cheap; models load at first use.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.dataset.overrides import FILE, Overrides
from ophvl.errors import ConfigError
from ophvl.media.folder import MediaFolder
from ophvl.media.proxy import ProxyWriter
from ophvl.ontology.codes import Codes
from ophvl.ports import AudioReader, Downloader, FrameReader, HotWords, Recogniser, SpeechMeter
from ophvl.sources.blocklists import BlockLists
from ophvl.text.concepts.matching import Matcher
from ophvl.text.concepts.tagging import Tagger
from ophvl.text.correction.corrector import Corrector
from ophvl.text.narration.rewriter import ChatRewriter
from ophvl.text.narration.sentences import SentenceSplitter

if TYPE_CHECKING:
    from ophvl.download.rate_limiter import RateLimiter
    from ophvl.speech.engine import WhisperEngine
    from pipelines.request_settings import RequestConfig
    from pipelines.stages.frames import FramesConfig
    from pipelines.stages.keep import KeepConfig
    from pipelines.stages.rewrite import RewriteConfig
    from pipelines.stages.segment import SegmentConfig
    from pipelines.stages.tag import TagConfig
    from pipelines.stages.transcribe import TranscribeConfig


def media_folder(config: object, folder: Path) -> MediaFolder:
    """Open the folder of the dataset's media files."""
    return MediaFolder(root=folder)


def downloader(config: RequestConfig, folder: Path) -> Downloader:
    """Open yt-dlp behind the rate limiter; stage discover uses it for metadata alone."""
    from ophvl.download.rate_limited import RateLimitedDownloader
    from ophvl.download.rate_limiter import RateLimit, RateLimiter

    limit = RateLimit(
        gap_s=config.gap_s,
        per_hour=config.per_hour,
        pause_s=config.pause_s,
        local=config.pace_local,
    )
    limiter = RateLimiter(folder, limit)
    return RateLimitedDownloader(inner=_yt_dlp(config, limiter), limiter=limiter)


def _yt_dlp(config: RequestConfig, limiter: RateLimiter) -> Downloader:
    from ophvl.download.yt_dlp.downloader import YtDlpDownloader
    from pipelines.stages.download import DownloadConfig

    cookies = Path(config.cookies) if config.cookies else None
    if isinstance(config, DownloadConfig):
        return YtDlpDownloader(
            max_height=config.max_height,
            timeout_s=config.timeout_s,
            retries=config.retries,
            max_bytes=config.max_gb * 1e9,
            max_duration_s=config.max_hours * 3600,
            reserve_bytes=config.reserve_gb * 1e9,
            cookies=cookies,
            subtitles=config.subtitles,
        )
    return YtDlpDownloader(
        timeout_s=config.timeout_s,
        retries=config.retries,
        cookies=cookies,
        request=limiter.request,
    )


def lists_at_fetch(config: object, folder: Path) -> BlockLists:
    """Open the block lists for videos that are fetched now; a change of the lists fetches nothing again."""
    return BlockLists(folder, revision="")


def lists(config: object, folder: Path) -> BlockLists:
    """Open the block list and the exclusion list of the dataset folder."""
    return BlockLists.of(folder)


def audio_reader(config: object, folder: Path) -> AudioReader:
    """Open the audio reader, which runs ffmpeg."""
    from ophvl.media.audio import FfmpegAudioReader

    return FfmpegAudioReader()


def speech_meter(config: object, folder: Path) -> SpeechMeter:
    """Open the meter of speech, which chooses among several audio streams."""
    from ophvl.speech.vad import SileroSpeechMeter

    return SileroSpeechMeter(audio=audio_reader(config, folder))


def frame_reader(config: FramesConfig, folder: Path) -> FrameReader:
    """Open the frame reader, which uses PyAV."""
    from ophvl.media.frames import AvFrameReader

    return AvFrameReader(short_side=config.short_side, quality=config.quality)


def proxies(config: KeepConfig, folder: Path) -> ProxyWriter:
    """Open the proxy writer, which runs ffmpeg."""
    return ProxyWriter(
        short_side=config.short_side,
        fps=config.fps,
        crf=config.crf,
        audio=audio_reader(config, folder),
    )


def recogniser(config: TranscribeConfig, folder: Path) -> Recogniser:
    """Open the recogniser of the settings, with the weights that `ophvl.speech.weights` resolves."""
    from ophvl.speech.recogniser import WhisperRecogniser
    from ophvl.speech.weights import resolve

    gpu = _has_gpu()
    weights = resolve(config.model, gpu=gpu)
    engine: WhisperEngine
    if config.recogniser == "openai-whisper":
        from ophvl.speech.openai_whisper import OpenAIWhisper

        engine = OpenAIWhisper(weights=weights, gpu=gpu, beam_size=config.beam_size)
    else:
        from ophvl.speech.faster_whisper import FasterWhisper

        engine = FasterWhisper(weights=weights, gpu=gpu, beam_size=config.beam_size)
    if config.language != "auto":
        return WhisperRecogniser(engine=engine, language=config.language)
    return WhisperRecogniser(engine=engine, detector=_language_detector(weights.name, gpu))


def _language_detector(model: str, gpu: bool) -> WhisperEngine | None:
    """Return a language detector for English-only weights: Whisper base, if it is installed."""
    from ophvl.speech.faster_whisper import FasterWhisper
    from ophvl.speech.weights import resolve

    if not model.endswith(".en"):
        return None
    try:
        return FasterWhisper(weights=resolve("base"), gpu=gpu)
    except ConfigError:
        return None


def hot_words(config: TranscribeConfig, folder: Path) -> HotWords:
    """Open the packaged hot words, those of a user's file, or none."""
    from ophvl.speech.hot_words import NO_HOT_WORDS, PACKAGED, load_hot_words

    if config.hot_words == "off":
        return NO_HOT_WORDS
    packaged = config.hot_words == "packaged"
    return load_hot_words(PACKAGED if packaged else Path(config.hot_words).expanduser())


def _has_gpu() -> bool:
    import ctranslate2

    return bool(ctranslate2.get_cuda_device_count())


@functools.cache
def _sentence_splitter() -> SentenceSplitter:
    return SentenceSplitter()


def sentence_splitter(config: object, folder: Path) -> SentenceSplitter:
    """Open the sentence splitter, which uses spaCy."""
    return _sentence_splitter()


@functools.cache
def _matcher() -> Matcher:
    from ophvl.ontology import load

    return Matcher(load())


@functools.cache
def _tagger() -> Tagger:
    return Tagger(_matcher())


def tagger(config: object, folder: Path) -> Tagger:
    """Open the tagger of the packaged ontology."""
    return _tagger()


@functools.cache
def _corrector(masked_lm: str | None) -> Corrector:
    if masked_lm is None:
        return Corrector(_matcher().ontology)
    from ophvl.text.correction.masked_lm import MaskedLM

    return Corrector(_matcher().ontology, MaskedLM(masked_lm))


def corrector(config: SegmentConfig, folder: Path) -> Corrector:
    """Open the corrector, with a masked language model if the settings name one."""
    return _corrector(config.masked_lm)


def codes(config: TagConfig, folder: Path) -> Codes:
    """Open the codes: ICD-10-CM of the ontology, and the user's table if one is set."""
    return Codes(_matcher().ontology, Path(config.codes) if config.codes else None)


def rewriter(config: RewriteConfig, folder: Path) -> ChatRewriter:
    """Open the chat rewriter; it sends requests only if an endpoint is set."""
    return ChatRewriter(
        endpoint=config.endpoint or "",
        model=config.model,
        cache=folder / "answers",
        max_tokens=config.max_tokens,
        api_key_variable=config.api_key_variable,
    )


def overrides(config: object, folder: Path) -> Overrides:
    """Open the overrides: readings that reviewers judged wrong."""
    return Overrides(folder / FILE)


def matcher(config: object, folder: Path) -> Matcher:
    """Open the matcher of the ontology, which is loaded once a process."""
    return _matcher()
