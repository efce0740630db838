"""Media -> transcripts, speech. Voice activity first: most videos hold no speech at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ophvl.ids import child_id
from ophvl.media.folder import MediaFolder
from ophvl.ports import AudioReader, Recogniser, Transcript
from ophvl.stage import StageResult
from pipelines.config import TranscribeConfig

if TYPE_CHECKING:
    import pyarrow as pa

SILENCE = Transcript(language=None, language_probability=None, speech_s=0.0, segments=())


@dataclass(frozen=True, kw_only=True)
class TranscriptRow:
    """A row of table `transcripts`."""

    segment_id: str
    video_id: str
    start_s: float
    end_s: float
    text: str
    words: list[dict[str, str | float | bool]]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    language: str
    recogniser: str
    model: str
    model_sha256: str


@dataclass(frozen=True, kw_only=True)
class SpeechRow:
    """A row of table `speech`."""

    video_id: str
    speech_s: float
    speech_ratio: float
    words_per_minute: float
    language: str | None
    language_probability: float | None


def transcribe(
    media: pa.Table,
    *,
    config: TranscribeConfig,
    audio: AudioReader,
    recogniser: Recogniser,
    files: MediaFolder,
) -> StageResult:
    """Transcribe one video. A video without sound gives no segments, and that is no failure.

    Raises:
        ItemError: the sound cannot be decoded.
    """
    from schemas.speech import SPEECH
    from schemas.transcripts import TRANSCRIPTS

    (file,) = media.to_pylist()
    video_id, duration_s = file["video_id"], file["duration_s"]
    heard = SILENCE
    if file["has_audio"]:
        blocks = audio.blocks(files.locate(file["path"]))
        heard = recogniser.transcribe(blocks, duration_s)
    segments = [
        TranscriptRow(
            segment_id=child_id(video_id, "s", number),
            video_id=video_id,
            start_s=segment.start_s,
            end_s=segment.end_s,
            text=segment.text,
            words=[asdict(word) for word in segment.words],
            avg_logprob=segment.avg_logprob,
            no_speech_prob=segment.no_speech_prob,
            compression_ratio=segment.compression_ratio,
            language=heard.language or "",
            recogniser=recogniser.name,
            model=recogniser.model,
            model_sha256=recogniser.model_sha256,
        )
        for number, segment in enumerate(heard.segments)
    ]
    words = sum(len(segment.words) for segment in segments)
    speech = SpeechRow(
        video_id=video_id,
        speech_s=heard.speech_s,
        speech_ratio=min(1.0, heard.speech_s / duration_s) if duration_s else 0.0,
        words_per_minute=60.0 * words / duration_s if duration_s else 0.0,
        language=heard.language,
        language_probability=heard.language_probability,
    )
    return StageResult(
        tables={"transcripts": TRANSCRIPTS.table(segments), "speech": SPEECH.table([speech])}
    )
