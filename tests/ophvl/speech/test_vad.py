"""Speech is found in a stream of any length, and keeps its place in the video."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from ophvl.ports import SAMPLE_RATE
from ophvl.speech.vad import WINDOW_S, SpeechWindow, speech_windows
from tests.media_factory import tone
from tests.ophvl.speech.conftest import Speech


def in_blocks(samples: Speech, seconds: float = 10.0) -> Iterator[Speech]:
    size = round(seconds * SAMPLE_RATE)
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def silence(seconds: float) -> Speech:
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)


@pytest.mark.parametrize("sound", [silence(20.0), tone(20.0), silence(0.0), silence(0.01)])
def test_no_speech_no_windows(sound: Speech) -> None:
    assert list(speech_windows(in_blocks(sound), 20.0)) == []
    assert list(speech_windows(iter(()), 20.0)) == []


def test_a_syllable_alone_is_no_speech(speech: tuple[Speech, ...]) -> None:
    spoken = speech[0][SAMPLE_RATE : SAMPLE_RATE + SAMPLE_RATE // 2]
    video = np.concatenate([silence(20.0), spoken, silence(20.0)])
    assert list(speech_windows(in_blocks(video), 41.0)) == []


def test_speech_keeps_its_place(speech: tuple[Speech, ...]) -> None:
    spoken = speech[0][: 10 * SAMPLE_RATE]
    video = np.concatenate([silence(7.0), spoken, silence(15.0), spoken, silence(3.0)])
    (window,) = speech_windows(in_blocks(video), len(video) / SAMPLE_RATE)
    assert 12.0 < window.speech_s < 20.5
    assert window.speech_s < len(window.samples) / SAMPLE_RATE < 24.0
    for slice_ in window.slices:
        start, end = round(slice_.start_s * SAMPLE_RATE), round(slice_.end_s * SAMPLE_RATE)
        packed = round(slice_.packed_s * SAMPLE_RATE)
        assert np.array_equal(window.samples[packed : packed + end - start], video[start:end])
    first, last = window.to_video_time(0.0, 0.5), window.to_video_time(10_000.0, 10_000.1)
    assert first[0] == pytest.approx(7.0, abs=0.5)
    assert last[1] == pytest.approx(42.0, abs=0.7)


def test_a_word_never_reaches_over_a_silence(speech: tuple[Speech, ...]) -> None:
    spoken = speech[0][: 5 * SAMPLE_RATE]
    video = np.concatenate([spoken, silence(30.0), spoken])
    (window,) = speech_windows(in_blocks(video), 40.0)
    border = next(b for a, b in pairwise(window.slices) if b.start_s - a.end_s > 20).packed_s
    before = window.to_video_time(border - 0.4, border + 0.1)
    after = window.to_video_time(border - 0.1, border + 0.4)
    assert before[0] < before[1] < 6.0
    assert 34.0 < after[0] < after[1]


def test_windows_are_cut_in_silence_and_lose_nothing(speech: tuple[Speech, ...]) -> None:
    video = np.concatenate([part for spoken in speech for part in (spoken, silence(1.0))])
    whole = list(speech_windows(in_blocks(video), 1000.0))
    windows = list(speech_windows(in_blocks(video), 1000.0, buffer_s=30.0))
    assert len(windows) > 2
    speech_s = sum(window.speech_s for window in whole)
    assert sum(window.speech_s for window in windows) == pytest.approx(speech_s, rel=0.03)
    for found in (whole, windows):
        slices = [slice_ for window in found for slice_ in window.slices]
        assert all(a.end_s <= b.start_s for a, b in pairwise(slices))


def test_no_window_is_longer_than_the_input_of_the_recogniser(speech: tuple[Speech, ...]) -> None:
    video = np.concatenate([*speech, *speech])
    windows = list(speech_windows(in_blocks(video), 1000.0))
    assert all(len(window.samples) <= WINDOW_S * SAMPLE_RATE for window in windows)
    assert len(windows) == math.ceil(len(video) / SAMPLE_RATE / WINDOW_S)
    assert sum(window.speech_s for window in windows) > 0.95 * len(video) / SAMPLE_RATE


def test_a_whole_window_keeps_its_times() -> None:
    window = SpeechWindow.from_samples(silence(4.0), start_s=10.0)
    assert window.to_video_time(1.0, 3.5) == (11.0, 13.5)
    assert window.to_video_time(3.0, 9.0) == (13.0, 14.0)


def test_speech_without_a_pause_is_cut_at_the_end_of_the_window(speech: tuple[Speech, ...]) -> None:
    spoken = speech[1][SAMPLE_RATE : 3 * SAMPLE_RATE]
    windows = list(speech_windows(in_blocks(np.tile(spoken, 10)), 20.0, buffer_s=6.0))
    assert all(len(window.samples) <= 16 * SAMPLE_RATE for window in windows)
    assert sum(window.speech_s for window in windows) > 10.0


def test_sound_beyond_the_end_of_the_video_is_left_out(speech: tuple[Speech, ...]) -> None:
    (window,) = speech_windows(in_blocks(speech[0]), 8.0)
    assert window.slices[-1].end_s <= 8.0


def test_memory_does_not_grow_with_the_video() -> None:
    def noise(minutes: int) -> Iterator[Speech]:
        generator = np.random.default_rng(0)
        for _ in range(minutes * 2):
            yield generator.normal(0, 0.01, 30 * SAMPLE_RATE).astype(np.float32)

    def peak(minutes: int) -> int:
        tracemalloc.start()
        list(speech_windows(noise(minutes), minutes * 60.0, buffer_s=60.0))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)  # The model is loaded once.
    assert peak(20) < 1.2 * peak(4)
