"""Voice activity. In: audio blocks of one video. Out: windows of speech alone, cut in silence.

A window is small enough to hold, whatever the length of the video, and knows where each of its stretches
of speech stands in the video.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ophvl.ports import SAMPLE_RATE

if TYPE_CHECKING:
    from ophvl.ports import Samples

WINDOW_S = 300.0
"""Longest stretch of audio held at once: 19 MB of samples."""

_MIN_SPEECH_MS = 250
_MIN_SILENCE_S = 0.5
_PAD_S = 0.2
"""Silence kept on either side of speech: the recogniser needs it to hear where words begin."""


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
    blocks: Iterator[Samples], duration_s: float, window_s: float = WINDOW_S
) -> Iterator[SpeechWindow]:
    """Find speech in the audio of one video, up to `duration_s`; silent windows yield nothing.

    No more than `window_s` seconds of audio are held, whatever the length of the video.
    """
    import numpy as np

    limit = round(window_s * SAMPLE_RATE)
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
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        min_speech_duration_ms=_MIN_SPEECH_MS,
        min_silence_duration_ms=round(_MIN_SILENCE_S * 1000),
        speech_pad_ms=0,
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
    import numpy as np

    if not spans:
        return
    pad = round(_PAD_S * SAMPLE_RATE)
    pieces: list[_Piece] = []
    parts: list[Samples] = []
    packed = 0
    for start, end in spans:
        first, last = max(0, start - pad), min(len(audio), end + pad)
        parts.append(audio[first:last])
        pieces.append(
            _Piece(
                packed_s=packed / SAMPLE_RATE,
                start_s=(offset + first) / SAMPLE_RATE,
                end_s=(offset + last) / SAMPLE_RATE,
            )
        )
        packed += last - first
    yield SpeechWindow(
        samples=np.concatenate(parts),
        pieces=tuple(pieces),
        speech_s=sum(end - start for start, end in spans) / SAMPLE_RATE,
    )
