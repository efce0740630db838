"""Voice activity detection. In: audio blocks of one video. Out: windows of speech alone, cut in silence.

A window is at most as long as the recogniser's input, and holds the position in the video of each of its
slices of speech. Memory use does not depend on the length of the video.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from ophvl.errors import ItemError
from ophvl.ports import SAMPLE_RATE, AudioReader, MediaFile

if TYPE_CHECKING:
    from ophvl.ports import Samples

BUFFER_S = 300.0
"""Longest audio in memory at once: 19 MB of samples."""

WINDOW_S = 29.0
"""Longest window: Whisper's input is 30 s, and the recogniser never cuts a window that fits."""

_MIN_SPEECH_MS = 250
_MIN_SILENCE_S = 0.5
_LEAST_SPEECH_S = 1.0
"""Less speech than this in the whole buffer is a cough or a chord, and not worth loading a model for."""
_PAD_S = 0.2
"""Silence retained on either side of speech: the recogniser needs it to find the start of words."""
_MAX_SPEECH_S = WINDOW_S - 2 * _PAD_S
"""Speech without a pause is cut here, in its last short silence of about 0.1 s if there is one."""


@dataclass(frozen=True, kw_only=True)
class _Slice:
    """A slice [start_s, end_s) of the video that begins at `packed_s` in a window's samples."""

    packed_s: float
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class SpeechWindow:
    """The speech of one window without its silences; `speech_s` is its duration without padding."""

    samples: Samples
    slices: tuple[_Slice, ...]
    speech_s: float

    @classmethod
    def from_samples(cls, samples: Samples, start_s: float = 0.0) -> SpeechWindow:
        """Return a window of all `samples`, speech or not, which begin at `start_s` of the video."""
        length_s = len(samples) / SAMPLE_RATE
        slice_ = _Slice(packed_s=0.0, start_s=start_s, end_s=start_s + length_s)
        return cls(samples=samples, slices=(slice_,), speech_s=length_s)

    @property
    def length_s(self) -> float:
        """Duration of the samples."""
        return len(self.samples) / SAMPLE_RATE

    def after(self, start_s: float) -> SpeechWindow:
        """Return the rest of the window from `start_s` on, a time inside it."""
        slices = tuple(
            replace(
                slice_,
                packed_s=max(0.0, slice_.packed_s - start_s),
                start_s=slice_.start_s + max(0.0, start_s - slice_.packed_s),
            )
            for slice_ in self.slices
            if slice_.packed_s + slice_.end_s - slice_.start_s > start_s
        )
        rest = self.samples[round(start_s * SAMPLE_RATE) :]
        speech_s = min(self.speech_s, len(rest) / SAMPLE_RATE)
        return SpeechWindow(samples=rest, slices=slices, speech_s=speech_s)

    def to_video_time(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Convert times in `samples` to times in the video; both ends stay in one slice of speech."""
        starts = [slice_.packed_s for slice_ in self.slices]
        slice_ = self.slices[max(0, bisect.bisect_right(starts, (start_s + end_s) / 2) - 1)]
        shift = slice_.start_s - slice_.packed_s
        begin, end = (
            min(max(time_s + shift, slice_.start_s), slice_.end_s) for time_s in (start_s, end_s)
        )
        return begin, end


@dataclass(frozen=True, kw_only=True)
class SileroSpeechMeter:
    """Measures speech in the first `limit_s` seconds of a sound (`ophvl.ports.SpeechMeter`)."""

    audio: AudioReader
    limit_s: float = 600.0
    revision: str = "silero-1"

    def speech_s(self, file: MediaFile) -> float:
        """Return how many seconds of speech there are; none in a sound that cannot be decoded."""
        try:
            windows = speech_windows(iter(self.audio.blocks(file)), self.limit_s)
            return sum(window.speech_s for window in windows)
        except ItemError:
            return 0.0


def speech_windows(
    blocks: Iterator[Samples], duration_s: float, buffer_s: float = BUFFER_S
) -> Iterator[SpeechWindow]:
    """Yield windows of the speech in one video, up to `duration_s`; silence yields nothing.

    No more than `buffer_s` seconds of audio (and the last block) are in memory.
    """
    import numpy as np

    limit = round(buffer_s * SAMPLE_RATE)
    remaining = round(duration_s * SAMPLE_RATE)
    offset = 0
    buffered: list[Samples] = []
    for block in blocks:
        audible = block[:remaining]
        remaining -= len(audible)
        buffered.append(audible)
        if sum(map(len, buffered)) < limit:
            continue
        audio = np.concatenate(buffered)
        spans = _speech_spans(audio)
        cut = _cut(spans, len(audio))
        yield from _pack(audio[:cut], _before(spans, cut), offset)
        buffered = [audio[cut:]]
        offset += cut
    if buffered:
        audio = np.concatenate(buffered)
        yield from _pack(audio, _speech_spans(audio), offset)


def _speech_spans(audio: Samples) -> list[tuple[int, int]]:
    """Return spans of speech as sample indices, by the Silero model in faster-whisper."""
    # ONNX Runtime sends telemetry, from hospitals too, unless this is set before it is loaded.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        min_speech_duration_ms=_MIN_SPEECH_MS,
        min_silence_duration_ms=round(_MIN_SILENCE_S * 1000),
        speech_pad_ms=0,
        max_speech_duration_s=_MAX_SPEECH_S,
    )
    return [(span["start"], span["end"]) for span in get_speech_timestamps(audio, options)]


def _cut(spans: Sequence[tuple[int, int]], length: int) -> int:
    """Return where to cut a full buffer: in its last silence, or at its end if speech does not pause."""
    if not spans or length - spans[-1][1] >= _MIN_SILENCE_S * SAMPLE_RATE:
        return length
    if len(spans) > 1:
        middle = (spans[-2][1] + spans[-1][0]) // 2
        if middle > length // 2:
            return middle
    return length


def _before(spans: Sequence[tuple[int, int]], cut: int) -> list[tuple[int, int]]:
    return [(start, min(end, cut)) for start, end in spans if start < cut]


def _pack(audio: Samples, spans: Sequence[tuple[int, int]], offset: int) -> Iterator[SpeechWindow]:
    """Yield windows of padded spans, as many as fit into each."""
    if sum(map(_length, spans)) < _LEAST_SPEECH_S * SAMPLE_RATE:
        return
    limit = round(WINDOW_S * SAMPLE_RATE)
    padded = _padded(spans, len(audio))
    first = 0
    while first < len(spans):
        size, last = 0, first
        while last < len(spans) and (last == first or size + _length(padded[last]) <= limit):
            size += _length(padded[last])
            last += 1
        speech = sum(map(_length, spans[first:last]))
        yield _window(audio, padded[first:last], offset, speech / SAMPLE_RATE)
        first = last


def _padded(spans: Sequence[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Return the spans with silence on either side; neighbours share the silence between them."""
    pad = round(_PAD_S * SAMPLE_RATE)
    borders = [0, *((a[1] + b[0]) // 2 for a, b in pairwise(spans)), length]
    return [
        (max(low, start - pad), min(high, end + pad))
        for (start, end), low, high in zip(spans, borders, borders[1:], strict=False)
    ]


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _window(
    audio: Samples, spans: Sequence[tuple[int, int]], offset: int, speech_s: float
) -> SpeechWindow:
    import numpy as np

    packed = accumulate(map(_length, spans), initial=0)
    return SpeechWindow(
        samples=np.concatenate([audio[first:last] for first, last in spans]),
        slices=tuple(
            _Slice(
                packed_s=at / SAMPLE_RATE,
                start_s=(offset + first) / SAMPLE_RATE,
                end_s=(offset + last) / SAMPLE_RATE,
            )
            for at, (first, last) in zip(packed, spans, strict=False)
        ),
        speech_s=speech_s,
    )
