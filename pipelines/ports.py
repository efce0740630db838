"""Open the tools that stages use: functions of a stage's config and the dataset folder.

The only place where a stage's settings meet an adapter. Opening is cheap; models load at first use.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.media.folder import MediaFolder
from ophvl.ports import AudioReader, Downloader, FrameReader, Recogniser
from ophvl.text.matching import Matcher
from ophvl.text.sentences import SentenceSplitter
from pipelines.config import DiscoverConfig, DownloadConfig, FramesConfig, TranscribeConfig

if TYPE_CHECKING:
    from ophvl.backends.recogniser import Engine


def media_folder(config: object, folder: Path) -> MediaFolder:
    """Where media files of the dataset lie."""
    return MediaFolder(root=folder)


def downloader(config: DiscoverConfig | DownloadConfig, folder: Path) -> Downloader:
    """yt-dlp; discover only asks it for metadata."""
    from ophvl.backends.yt_dlp import YtDlpDownloader

    if isinstance(config, DownloadConfig):
        return YtDlpDownloader(max_height=config.max_height)
    return YtDlpDownloader()


def audio_reader(config: object, folder: Path) -> AudioReader:
    """ffmpeg."""
    from ophvl.media.audio import FfmpegAudioReader

    return FfmpegAudioReader()


def frame_reader(config: FramesConfig, folder: Path) -> FrameReader:
    """PyAV."""
    from ophvl.media.frames import AvFrameReader

    return AvFrameReader(short_side=config.short_side, quality=config.quality)


def recogniser(config: TranscribeConfig, folder: Path) -> Recogniser:
    """The recogniser of the config, with the weights that `ophvl.backends.weights` finds for it."""
    from ophvl.backends.recogniser import WhisperRecogniser
    from ophvl.backends.weights import resolve

    gpu = _gpu_in_reach()
    weights = resolve(config.model, gpu=gpu)
    engine: Engine
    if config.recogniser == "openai-whisper":
        from ophvl.backends.openai_whisper import OpenAIWhisper

        engine = OpenAIWhisper(weights=weights, gpu=gpu, beam_size=config.beam_size)
    else:
        from ophvl.backends.faster_whisper import FasterWhisper

        engine = FasterWhisper(weights=weights, gpu=gpu, beam_size=config.beam_size)
    language = None if config.language == "auto" else config.language
    return WhisperRecogniser(engine=engine, language=language)


def _gpu_in_reach() -> bool:
    import ctranslate2

    return bool(ctranslate2.get_cuda_device_count())


def sentence_splitter(config: object, folder: Path) -> SentenceSplitter:
    """spaCy."""
    return SentenceSplitter()


@functools.cache
def _matcher() -> Matcher:
    from ophvl.ontology import load

    return Matcher(load())


def matcher(config: object, folder: Path) -> Matcher:
    """The ontology's terms, read once a process: three stages use them."""
    return _matcher()
