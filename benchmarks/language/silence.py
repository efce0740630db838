"""Measure recognition of sound without speech: the text that remains, and the cost.

In: a build folder. Out: rows. Ten minutes of music, an operating room and digital silence, as one compressed
file. The cost of recognition is compared with ffmpeg decoding plus voice detection alone, on the same file in
the same run. Then voice detection is left out, so that only the hallucination filters remove Whisper's
inventions.
"""

from __future__ import annotations

import subprocess
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.language.sounds import RATE, Sound, music, operating_room, silence
from ophvl.media.audio import FfmpegAudioReader, ffmpeg_binary
from ophvl.ports import SAMPLE_RATE, HotWords, MediaFile, Segment
from ophvl.speech.faster_whisper import FasterWhisper
from ophvl.speech.hallucinations import flag_hallucinations
from ophvl.speech.hot_words import NO_HOT_WORDS, load_hot_words
from ophvl.speech.recogniser import WhisperRecogniser, segments_of
from ophvl.speech.vad import WINDOW_S, SpeechWindow
from ophvl.speech.weights import resolve

SOUNDS_S = {"music": 240.0, "operating room": 180.0, "silence": 180.0}
MODELS = ("tiny.en", "base")
_REPEATS = 5


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Best of some runs, in s, for `audio_s` of sound; the segments, and those without a flag."""

    audio_s: float
    baseline_s: float
    ours_s: float
    speech_s: float
    segments: int
    retained: int

    @property
    def ratio(self) -> float:
        """Cost of recognition in relation to decoding and voice detection alone."""
        return self.ours_s / self.baseline_s


@dataclass(frozen=True, kw_only=True)
class UndetectedSound:
    """A model's segments of one sound without voice detection, and the texts of those without a flag."""

    model: str
    sound: str
    hot_words: bool
    segments: int
    retained: tuple[str, ...]


def measure(build: Path) -> Iterator[str]:
    """Yield the lines of the report."""
    path = ten_minutes(build)
    cost = measure_cost(path)
    yield (
        f"{cost.audio_s:.0f} s without speech: {cost.speech_s:.1f} s detected as speech, "
        f"{cost.segments} segments, {cost.retained} retained"
    )
    yield (
        f"recognition {cost.ours_s:.2f} s, ffmpeg and voice detection alone {cost.baseline_s:.2f} s: "
        f"{cost.ratio:.2f} times (best of {_REPEATS} each)"
    )
    yield "without voice detection, by the hallucination filters alone:"
    for row in measure_filters(path):
        setting = "with hot words" if row.hot_words else "without"
        texts = "".join(f"; {text!r}" for text in row.retained)
        name = f"{row.model:<8}{row.sound:<15}{setting:<15}"
        yield f"  {name}{row.segments:>3} segments, {len(row.retained)} retained{texts}"


def ten_minutes(build: Path, seed: int = 0) -> Path:
    """Return the file of all sounds in their order; it is generated once."""
    path = build / f"without_speech_{seed}.m4a"
    if path.exists():
        return path
    build.mkdir(parents=True, exist_ok=True)
    makers: tuple[Callable[[float], Sound], ...] = (
        lambda seconds: music(seconds, seed),
        lambda seconds: operating_room(seconds, seed),
        silence,
    )
    sounds = [make(seconds) for make, seconds in zip(makers, SOUNDS_S.values(), strict=True)]
    plain = path.with_suffix(".wav")
    with wave.open(str(plain), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.concatenate(sounds) * 32767).astype("<i2").tobytes())
    partial = path.with_suffix(".partial.m4a")
    command = [ffmpeg_binary(), "-y", "-loglevel", "error", "-i", plain, "-c:a", "aac", partial]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    partial.rename(path)
    plain.unlink()
    return path


def measure_cost(path: Path) -> Cost:
    """Time recognition with the packaged base model and hot words, and the steps before it alone."""
    recogniser = WhisperRecogniser(engine=FasterWhisper(weights=resolve("base")))
    hot_words, length_s = load_hot_words(), sum(SOUNDS_S.values())
    baseline, ours = [], []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        _decode_and_detect(path)
        between = time.perf_counter()
        transcript = recogniser.transcribe(
            iter(FfmpegAudioReader().blocks(MediaFile(path))), length_s, hot_words
        )
        baseline.append(between - start)
        ours.append(time.perf_counter() - between)
    return Cost(
        audio_s=length_s,
        baseline_s=min(baseline),
        ours_s=min(ours),
        speech_s=transcript.speech_s,
        segments=len(transcript.segments),
        retained=sum(not segment.flags for segment in transcript.segments),
    )


def measure_filters(path: Path) -> Iterator[UndetectedSound]:
    """Recognise every window of the file, speech or not."""
    audio = np.concatenate(list(FfmpegAudioReader().blocks(MediaFile(path))))
    for model in MODELS:
        engine = FasterWhisper(weights=resolve(model))
        for hints in (NO_HOT_WORDS, load_hot_words()):
            start_s = 0.0
            for sound, seconds in SOUNDS_S.items():
                first, last = (round(t * SAMPLE_RATE) for t in (start_s, start_s + seconds))
                segments = flag_hallucinations(
                    list(_recognise(engine, audio[first:last], hints)), hints
                )
                yield UndetectedSound(
                    model=model,
                    sound=sound,
                    hot_words=bool(hints.text),
                    segments=len(segments),
                    retained=tuple(segment.text for segment in segments if not segment.flags),
                )
                start_s += seconds


def _recognise(engine: FasterWhisper, audio: Sound, hints: HotWords) -> Iterator[Segment]:
    size = round(WINDOW_S * SAMPLE_RATE)
    windows = [
        SpeechWindow.from_samples(audio[start : start + size], start / SAMPLE_RATE)
        for start in range(0, len(audio), size)
    ]
    samples = [window.samples for window in windows]
    for window, text in zip(windows, engine.recognise(samples, "en", hints.text), strict=True):
        yield from segments_of(text, window, "en")


def _decode_and_detect(path: Path) -> None:
    """Do what recognition needs at least: decode with ffmpeg, and detect voice once."""
    from faster_whisper.vad import get_speech_timestamps

    command = [ffmpeg_binary(), "-nostdin", "-loglevel", "error", "-threads", "1", "-i", str(path)]
    command += ["-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "f32le", "pipe:"]
    sound = subprocess.run(command, check=True, capture_output=True).stdout
    get_speech_timestamps(np.frombuffer(sound, "<f4"))
