"""Voice activity. In: audio blocks of one video. Out: windows of speech alone, cut in silence.

A window is as long as the recogniser hears at once, and knows where each of its stretches of speech
stands in the video. What is held is bounded, whatever the length of the video.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from ophvl.ports import SAMPLE_RATE

if TYPE_CHECKING:
    from ophvl.ports import Samples

HOLD_S = 300.0
"""Longest stretch of audio held at once: 19 MB of samples."""

WINDOW_S = 29.0
"""Longest window: Whisper hears 30 s at once, and a window that fits is never cut by the recogniser."""

_MIN_SPEECH_MS = 250
_MIN_SILENCE_S = 0.5
_LEAST_SPEECH_S = 1.0
"""Less than this in all of what is held is a cough or a chord, and not worth loading a model for."""
_PAD_S = 0.2
"""Silence kept on either side of speech: the recogniser needs it to hear where words begin."""
_MAX_SPEECH_S = WINDOW_S - 2 * _PAD_S
"""Speech without a pause is cut here, in its last short silence of about 0.1 s if there is one."""


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """A stretch of the video that stands at `packed_s` in a window's packed samples."""

    packed_s: float
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class SpeechWindow:
    """Speech of one window, its silences taken out. `speech_s` counts the speech without padding."""

    samples: Samples
    pieces: tuple[_Piece, ...]
    speech_s: float

    @classmethod
    def whole(cls, samples: Samples, start_s: float = 0.0) -> SpeechWindow:
        """All of `samples`, which begin at `start_s` of the video, whatever sounds in them."""
        length_s = len(samples) / SAMPLE_RATE
        piece = _Piece(packed_s=0.0, start_s=start_s, end_s=start_s + length_s)
        return cls(samples=samples, pieces=(piece,), speech_s=length_s)

    @property
    def length_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    def after(self, start_s: float) -> SpeechWindow:
        """The rest of the window from `start_s` on, which lies inside it."""
        pieces = tuple(
            replace(
                piece,
                packed_s=max(0.0, piece.packed_s - start_s),
                start_s=piece.start_s + max(0.0, start_s - piece.packed_s),
            )
            for piece in self.pieces
            if piece.packed_s + piece.end_s - piece.start_s > start_s
        )
        rest = self.samples[round(start_s * SAMPLE_RATE) :]
        speech_s = min(self.speech_s, len(rest) / SAMPLE_RATE)
        return SpeechWindow(samples=rest, pieces=pieces, speech_s=speech_s)

    def in_video(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Times in `samples` as times in the video; both ends stay in one stretch of speech."""
        starts = [piece.packed_s for piece in self.pieces]
        piece = self.pieces[max(0, bisect.bisect_right(starts, (start_s + end_s) / 2) - 1)]
        shift = piece.start_s - piece.packed_s
        begin, end = (
            min(max(time_s + shift, piece.start_s), piece.end_s) for time_s in (start_s, end_s)
        )
        return begin, end


def speech_windows(
    blocks: Iterator[Samples], duration_s: float, hold_s: float = HOLD_S
) -> Iterator[SpeechWindow]:
    """Find speech in the audio of one video, up to `duration_s`; what is silent yields nothing.

    No more than `hold_s` seconds of audio (and the last block) are held.
    """
    import numpy as np

    limit = round(hold_s * SAMPLE_RATE)
    remaining = round(duration_s * SAMPLE_RATE)
    offset = 0
    held: list[Samples] = []
    for block in blocks:
        kept = block[:remaining]
        remaining -= len(kept)
        held.append(kept)
        if sum(map(len, held)) < limit:
            continue
        audio = np.concatenate(held)
        spans = _speech_spans(audio)
        cut = _cut(spans, len(audio))
        yield from _pack(audio[:cut], _before(spans, cut), offset)
        held = [audio[cut:]]
        offset += cut
    if held:
        audio = np.concatenate(held)
        yield from _pack(audio, _speech_spans(audio), offset)


def _speech_spans(audio: Samples) -> list[tuple[int, int]]:
    """Stretches of speech as sample numbers, by the Silero model that faster-whisper carries."""
    # ONNX Runtime tells its maker of its use, from hospitals too, unless this is set before it is loaded.
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
    """Where to end a full window: in its last silence; at its end where speech does not pause."""
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
    """Fill windows with padded spans, as many as go into each."""
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
    """The spans with silence on either side; neighbours share what is between them."""
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
        pieces=tuple(
            _Piece(
                packed_s=at / SAMPLE_RATE,
                start_s=(offset + first) / SAMPLE_RATE,
                end_s=(offset + last) / SAMPLE_RATE,
            )
            for at, (first, last) in zip(packed, spans, strict=False)
        ),
        speech_s=speech_s,
    )
