"""Sound without speech: what is kept of it, and what it costs.

In: a build folder. Out: rows. Ten minutes of music, an operating room and digital silence, as one compressed
file. The cost of recognition stands against ffmpeg decoding plus bare voice detection of the same file in
the same run. Then voice detection is left out, and only the guards stand between Whisper's inventions
and the table.
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
from ophvl.ports import SAMPLE_RATE, HotWords, Segment
from ophvl.speech.faster_whisper import FasterWhisper
from ophvl.speech.hallucinations import flag_hallucinations
from ophvl.speech.hot_words import NO_HOT_WORDS, load_hot_words
from ophvl.speech.recogniser import WhisperRecogniser, segments_of
from ophvl.speech.vad import WINDOW_S, SpeechWindow
from ophvl.speech.weights import resolve

PARTS_S = {"music": 240.0, "operating room": 180.0, "silence": 180.0}
MODELS = ("tiny.en", "base")
_REPEATS = 5


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Best of some runs, in s, for `audio_s` of sound; what was found and kept in it."""

    audio_s: float
    bare_s: float
    ours_s: float
    speech_s: float
    segments: int
    kept: int

    @property
    def ratio(self) -> float:
        return self.ours_s / self.bare_s


@dataclass(frozen=True, kw_only=True)
class Forced:
    """What a model wrote over one part without voice detection: segments, and those without a flag."""

    model: str
    part: str
    hot_words: bool
    segments: int
    kept: tuple[str, ...]


def measure(build: Path) -> Iterator[str]:
    """Lines of the report."""
    path = ten_minutes(build)
    cost = measure_cost(path)
    yield (
        f"{cost.audio_s:.0f} s without speech: {cost.speech_s:.1f} s taken for speech, "
        f"{cost.segments} segments, {cost.kept} kept"
    )
    yield (
        f"recognition {cost.ours_s:.2f} s, ffmpeg and bare voice detection {cost.bare_s:.2f} s: "
        f"{cost.ratio:.2f} times (best of {_REPEATS} each)"
    )
    yield "without voice detection, by the guards alone:"
    for row in measure_guards(path):
        told = "with hot words" if row.hot_words else "without"
        kept = "".join(f"; {text!r}" for text in row.kept)
        name = f"{row.model:<8}{row.part:<15}{told:<15}"
        yield f"  {name}{row.segments:>3} segments, {len(row.kept)} kept{kept}"


def ten_minutes(build: Path, seed: int = 0) -> Path:
    """The file of all parts in their order; made once."""
    path = build / f"without_speech_{seed}.m4a"
    if path.exists():
        return path
    build.mkdir(parents=True, exist_ok=True)
    makers: tuple[Callable[[float], Sound], ...] = (
        lambda seconds: music(seconds, seed),
        lambda seconds: operating_room(seconds, seed),
        silence,
    )
    sounds = [make(seconds) for make, seconds in zip(makers, PARTS_S.values(), strict=True)]
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
    """Recognise with the packaged base model and hot words, against the bare steps before it."""
    recogniser = WhisperRecogniser(engine=FasterWhisper(weights=resolve("base")))
    hot_words, length_s = load_hot_words(), sum(PARTS_S.values())
    bare, ours = [], []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        _bare(path)
        between = time.perf_counter()
        heard = recogniser.transcribe(FfmpegAudioReader().blocks(path), length_s, hot_words)
        bare.append(between - began)
        ours.append(time.perf_counter() - between)
    return Cost(
        audio_s=length_s,
        bare_s=min(bare),
        ours_s=min(ours),
        speech_s=heard.speech_s,
        segments=len(heard.segments),
        kept=sum(not segment.flags for segment in heard.segments),
    )


def measure_guards(path: Path) -> Iterator[Forced]:
    """Hand every window of the file to the recogniser, speech or not."""
    audio = np.concatenate(list(FfmpegAudioReader().blocks(path)))
    for model in MODELS:
        engine = FasterWhisper(weights=resolve(model))
        for hints in (NO_HOT_WORDS, load_hot_words()):
            start_s = 0.0
            for part, seconds in PARTS_S.items():
                first, last = (round(t * SAMPLE_RATE) for t in (start_s, start_s + seconds))
                found = flag_hallucinations(list(_forced(engine, audio[first:last], hints)), hints)
                yield Forced(
                    model=model,
                    part=part,
                    hot_words=bool(hints.text),
                    segments=len(found),
                    kept=tuple(segment.text for segment in found if not segment.flags),
                )
                start_s += seconds


def _forced(engine: FasterWhisper, audio: Sound, hints: HotWords) -> Iterator[Segment]:
    size = round(WINDOW_S * SAMPLE_RATE)
    windows = [
        SpeechWindow.from_samples(audio[start : start + size], start / SAMPLE_RATE)
        for start in range(0, len(audio), size)
    ]
    samples = [window.samples for window in windows]
    for window, heard in zip(windows, engine.recognise(samples, "en", hints.text), strict=True):
        yield from segments_of(heard, window, "en")


def _bare(path: Path) -> None:
    """What recognition cannot do without: ffmpeg to samples, and one pass of voice detection."""
    from faster_whisper.vad import get_speech_timestamps

    command = [ffmpeg_binary(), "-nostdin", "-loglevel", "error", "-threads", "1", "-i", str(path)]
    command += ["-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "f32le", "pipe:"]
    sound = subprocess.run(command, check=True, capture_output=True).stdout
    get_speech_timestamps(np.frombuffer(sound, "<f4"))
