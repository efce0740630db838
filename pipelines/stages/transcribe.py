"""Stage transcribe: media -> transcripts, speech. Voice activity first: most videos have no speech.

Text that a hallucination filter flags stays in the table; it does not count as speech.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from ophvl.config import Settings, absolute_path
from ophvl.ids import child_id
from ophvl.media.folder import MediaFolder
from ophvl.ports import AudioReader, HotWords, Language, Recogniser, Segment, Sound, Transcript
from ophvl.stage import Scope, StageResult, StageSpec, StageWarning
from schemas.guards import GUARDS
from schemas.speech import SPEECH, SpeechRow
from schemas.transcripts import TRANSCRIPTS, TranscriptRow
from schemas.vocab import WarningKind

if TYPE_CHECKING:
    import pyarrow as pa

_WHISPERS_LANGUAGES = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr "
    "ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc "
    "pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue "
    "zh"
)

LANGUAGES = frozenset(_WHISPERS_LANGUAGES.split())
"""Codes of the languages that Whisper knows: ISO 639-1 where there is one."""


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
        description='Code of a language that Whisper knows, such as "en" (ISO 639-1), or "auto" to '
        "detect it.",
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
        return hot_words if hot_words in {"packaged", "off"} else absolute_path(hot_words)


SILENCE = Transcript(language=Language(), speech_s=0.0, segments=())


def transcribe(
    media: pa.Table,
    *,
    config: TranscribeConfig,
    audio: AudioReader,
    recogniser: Recogniser,
    hot_words: HotWords,
    files: MediaFolder,
) -> StageResult:
    """Transcribe one video. A video without sound has no segments; that is no failure.

    Raises:
        ItemError: the sound cannot be decoded.
    """
    (file,) = media.to_pylist()
    video_id, duration_s = file["video_id"], file["duration_s"]
    transcript = SILENCE
    warnings: tuple[StageWarning, ...] = ()
    if file["has_audio"]:
        sound = audio.blocks(files.sound(file))
        transcript = recogniser.transcribe(iter(sound), duration_s, hot_words)
        warnings = _warnings(video_id, sound)
    rows = [
        _row(segment, child_id(video_id, "s", number), video_id, recogniser)
        for number, segment in enumerate(transcript.segments)
    ]
    words = sum(len(segment.words) for segment in transcript.segments if not segment.flags)
    speech = SpeechRow(
        video_id=video_id,
        speech_s=transcript.speech_s,
        speech_ratio=min(1.0, transcript.speech_s / duration_s) if duration_s else 0.0,
        words_per_minute=60.0 * words / duration_s if duration_s else 0.0,
        segments=len(rows),
        flagged_segments=sum(bool(segment.flags) for segment in transcript.segments),
        language=transcript.language.code,
        language_probability=transcript.language.probability,
        language_source=transcript.language.source,
    )
    return StageResult(
        tables={"transcripts": TRANSCRIPTS.table(rows), "speech": SPEECH.table([speech])},
        warnings=warnings,
    )


def _warnings(video_id: str, sound: Sound) -> tuple[StageWarning, ...]:
    if not sound.damaged_packets:
        return ()
    message = (
        f"{sound.damaged_packets} packet(s) of its sound are damaged; silence takes their place"
    )
    return (StageWarning(kind=WarningKind.DAMAGED_SOUND, item=video_id, message=message),)


def _row(segment: Segment, segment_id: str, video_id: str, recogniser: Recogniser) -> TranscriptRow:
    return TranscriptRow(
        segment_id=segment_id,
        video_id=video_id,
        start_s=segment.start_s,
        end_s=segment.end_s,
        text=segment.text,
        words=segment.words,
        avg_logprob=segment.avg_logprob,
        no_speech_prob=segment.no_speech_prob,
        compression_ratio=segment.compression_ratio,
        **{guard: guard in segment.flags for guard in GUARDS},
        language=segment.language,
        recogniser=recogniser.name,
        model=recogniser.model,
        model_sha256=recogniser.model_sha256,
    )


STAGE = StageSpec(
    name="transcribe",
    version=3,
    scope=Scope.UNIT,
    run=transcribe,
    settings=TranscribeConfig,
    help="transcribe speech, with word times",
    reads={
        "media": (
            "video_id",
            "path",
            "sha256",
            "duration_s",
            "has_audio",
            "audio_stream",
            "clock_jumps",
        )
    },
    writes=("transcripts", "speech"),
    ports={
        "files": "pipelines.wiring:media_folder",
        "audio": "pipelines.wiring:audio_reader",
        "recogniser": "pipelines.wiring:recogniser",
        "hot_words": "pipelines.wiring:hot_words",
    },
    pinned=("recogniser",),
)
