"""Flags become columns, flagged text counts as no speech, and the hot words are the config's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from ophvl.config import resolve
from ophvl.errors import ConfigError
from ophvl.media.folder import MediaFolder
from ophvl.ports import HotWords, Language, MediaFile, Segment, Transcript, Word
from ophvl.speech.faster_whisper import FasterWhisper
from ophvl.speech.hot_words import NO_HOT_WORDS, load_hot_words
from ophvl.speech.recogniser import WhisperRecogniser
from pipelines.registry import load_stages, settings_classes
from pipelines.stages.transcribe import LANGUAGES, TranscribeConfig, transcribe
from pipelines.wiring import hot_words, recogniser
from schemas.guards import GUARDS, Guard
from schemas.speech import SPEECH
from schemas.transcripts import TRANSCRIPTS
from schemas.vocab import WarningKind
from tests.factories import media_row, table

VIDEO = "file_0123456789abcdef"


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Twenty seconds of nothing; notes whether it was read."""

    reads: list[MediaFile]
    damaged_packets: int = 0
    revision: str = "sound"

    def blocks(self, file: MediaFile) -> Sound:
        self.reads.append(file)
        return self

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        yield np.zeros(320_000, np.float32)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """Hears what is listed, and is told hot words."""

    segments: tuple[Segment, ...]
    told: list[HotWords]
    name: str = "faster-whisper"
    model: str = "base"
    model_sha256: str = "ab" * 32
    revision: str = "base@abab"

    def transcribe(
        self, blocks: Iterator[NDArray[np.float32]], duration_s: float, hot_words: HotWords
    ) -> Transcript:
        list(blocks)
        self.told.append(hot_words)
        language = Language(code="en", probability=0.9, source="base")
        return Transcript(language=language, speech_s=10.0, segments=self.segments)


def said(text: str, start_s: float, *flags: Guard) -> Segment:
    words = tuple(
        Word(
            word=w, start_s=start_s + i, end_s=start_s + i + 1, probability=0.9, interpolated=False
        )
        for i, w in enumerate(text.split())
    )
    return Segment(
        start_s=start_s,
        end_s=words[-1].end_s,
        text=text,
        words=words,
        language="en",
        avg_logprob=-0.2,
        no_speech_prob=0.1,
        compression_ratio=1.1,
        flags=frozenset(flags),
    )


def run_stage(
    tmp_path: Path, *segments: Segment, has_audio: bool = True
) -> tuple[list[dict[str, object]], dict[str, object], Heard, Sound]:
    media = pa.table(
        {
            "video_id": [VIDEO],
            "path": ["v.mp4"],
            "sha256": ["ab" * 32],
            "duration_s": [20.0],
            "has_audio": [has_audio],
            "audio_stream": [None],
            "clock_jumps": [None],
        }
    )
    (tmp_path / "v.mp4").touch()
    sound, heard = Sound(reads=[]), Heard(segments=segments, told=[])
    tables = transcribe(
        media,
        config=TranscribeConfig(),
        audio=sound,
        recogniser=heard,
        hot_words=load_hot_words(),
        files=MediaFolder(root=tmp_path),
    ).tables
    assert TRANSCRIPTS.check(tables["transcripts"]) == []
    assert SPEECH.check(tables["speech"]) == []
    (speech,) = tables["speech"].to_pylist()
    return tables["transcripts"].to_pylist(), speech, heard, sound


def test_each_flag_is_a_column_and_nothing_is_left_out(tmp_path: Path) -> None:
    rows, speech, heard, _ = run_stage(
        tmp_path,
        said("The iris hook is placed.", 0.0),
        said("We go on.", 6.0, Guard.LOOP, Guard.SILENCE),
    )
    assert [[name for name in GUARDS if row[name]] for row in rows] == [
        [],
        ["is_silence", "is_loop"],
    ]
    assert [row["text"] for row in rows] == ["The iris hook is placed.", "We go on."]
    assert (speech["segments"], speech["flagged_segments"]) == (2, 1)
    assert speech["words_per_minute"] == pytest.approx(15.0)
    assert (speech["language"], speech["language_source"]) == ("en", "base")
    assert heard.told == [load_hot_words()]


def test_invented_text_alone_is_no_narration(tmp_path: Path) -> None:
    _, speech, _, _ = run_stage(tmp_path, said("Thank you for watching.", 0.0, Guard.CREDIT))
    assert speech["words_per_minute"] == 0.0


def test_a_video_without_sound_is_not_read(tmp_path: Path) -> None:
    rows, speech, heard, sound = run_stage(tmp_path, has_audio=False)
    assert (rows, heard.told, sound.reads) == ([], [], [])
    assert (speech["language"], speech["language_source"], speech["segments"]) == (None, None, 0)


def test_hot_words_are_packaged_ones_a_users_file_or_none(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('version = 1\nprompt = ""\nwords = ["iris hook"]\n')
    assert hot_words(TranscribeConfig(), tmp_path) == load_hot_words()
    assert hot_words(TranscribeConfig(hot_words="off"), tmp_path) == NO_HOT_WORDS
    assert hot_words(TranscribeConfig(hot_words=str(own)), tmp_path).words == ("iris hook",)
    with pytest.raises(ConfigError, match="cannot read the hot words"):
        hot_words(TranscribeConfig(hot_words=str(tmp_path / "none.toml")), tmp_path)


@pytest.mark.parametrize("code", ["xx", "EN", "english", "", "en-GB"])
def test_a_code_of_no_language_is_refused_at_once(code: str) -> None:
    with pytest.raises(ConfigError, match=r"ISO 639-1 .*Known are: af .* en "):
        resolve(settings_classes(), overrides=[f'transcribe.language="{code}"'])


def test_the_languages_are_those_of_both_recognisers() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES
    from whisper.tokenizer import LANGUAGES as OPENAI

    assert LANGUAGES == set(_LANGUAGE_CODES) == set(OPENAI)


@pytest.mark.parametrize("setting", ["transcribe.hot_words", "tag.codes"])
def test_a_path_means_the_same_wherever_a_later_run_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    section, key = setting.split(".")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def saved(value: str) -> object:
        return getattr(resolve(settings_classes(), overrides=[f"{setting}={value}"])[section], key)

    assert saved("own/file.x") == str(tmp_path / "own" / "file.x")
    assert saved("~/file.x") == str(tmp_path / "home" / "file.x")
    assert saved("/file.x") == "/file.x"
    with pytest.raises(ConfigError, match="no home folder for '~nobody"):
        saved("~nobody-of-this-name/file.x")


def test_the_fingerprint_holds_the_hot_words_and_not_the_ontology() -> None:
    (stage,) = (stage for stage in load_stages() if stage.name == "transcribe")
    assert "hot_words" in stage.ports
    assert "hot_words" not in stage.pinned
    assert {"matcher", "tagger", "corrector"}.isdisjoint(stage.ports)


def test_english_weights_get_a_model_that_tells_languages_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def opened(**settings: str) -> WhisperRecogniser:
        port = recogniser(TranscribeConfig(**settings), tmp_path)
        assert isinstance(port, WhisperRecogniser)
        return port

    english = opened(model="tiny.en")
    assert isinstance(english.detector, FasterWhisper)
    assert english.detector.weights.name == "base"
    assert "language by base" in english.note
    assert opened(model="tiny.en", language="en").detector is None
    assert opened(model="base").detector is None


def test_rows_are_numbered_and_carry_the_times_the_words_and_the_weights(tmp_path: Path) -> None:
    rows, speech, heard, sound = run_stage(
        tmp_path, said("The iris hook.", 1.0), said("We go on.", 6.0)
    )
    assert [(row["segment_id"], row["start_s"], row["end_s"]) for row in rows] == [
        (f"{VIDEO}-s0000", 1.0, 4.0),
        (f"{VIDEO}-s0001", 6.0, 9.0),
    ]
    assert [(w["word"], w["start_s"], w["end_s"]) for w in rows[0]["words"]] == [
        ("The", 1.0, 2.0),
        ("iris", 2.0, 3.0),
        ("hook.", 3.0, 4.0),
    ]
    assert {(row["recogniser"], row["model"], row["model_sha256"]) for row in rows} == {
        (heard.name, heard.model, heard.model_sha256)
    }
    assert (rows[0]["avg_logprob"], rows[0]["no_speech_prob"]) == (-0.2, 0.1)
    assert (speech["speech_s"], speech["speech_ratio"]) == (10.0, 0.5)
    assert speech["words_per_minute"] == pytest.approx(18.0)
    assert speech["language_probability"] == 0.9
    assert sound.reads == [MediaFile(tmp_path / "v.mp4")]


@pytest.mark.parametrize(("duration_s", "ratio", "pace"), [(4.0, 1.0, 45.0), (0.0, 0.0, 0.0)])
def test_measures_of_speech_stay_in_bounds_on_short_videos(
    tmp_path: Path, duration_s: float, ratio: float, pace: float
) -> None:
    row = media_row(1, path="v.mp4", duration_s=duration_s)
    tables = transcribe(
        table("media", row),
        config=TranscribeConfig(),
        audio=Sound(reads=[]),
        recogniser=Heard(segments=(said("The iris hook.", 0.0),), told=[]),
        hot_words=NO_HOT_WORDS,
        files=MediaFolder(root=tmp_path),
    ).tables
    (speech,) = tables["speech"].to_pylist()
    assert (speech["speech_ratio"], speech["words_per_minute"]) == (ratio, pace)


def test_the_stream_that_was_chosen_is_heard_and_damage_is_told(tmp_path: Path) -> None:
    sound = Sound(reads=[], damaged_packets=3)
    result = transcribe(
        table("media", media_row(1, path="v.mp4", audio_stream=2, clock_jumps=1)),
        config=TranscribeConfig(),
        audio=sound,
        recogniser=Heard(segments=(said("The iris hook.", 0.0),), told=[]),
        hot_words=NO_HOT_WORDS,
        files=MediaFolder(root=tmp_path),
    )
    assert sound.reads == [MediaFile(tmp_path / "v.mp4", 2, 1)]
    (warning,) = result.warnings
    assert warning.kind is WarningKind.DAMAGED_SOUND
    assert warning.message.startswith("3 packet(s) of its sound are damaged")
