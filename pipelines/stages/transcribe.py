"""Media -> transcripts, speech. Voice activity first: most videos hold no speech at all.

Text that a guard takes for invented is flagged and stays in the table; it counts as no speech.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ophvl.ids import child_id
from ophvl.media.folder import MediaFolder
from ophvl.ports import AudioReader, HotWords, Language, Recogniser, Segment, Transcript
from ophvl.stage import StageResult
from pipelines.config import TranscribeConfig
from schemas.guards import GUARDS
from schemas.speech import SPEECH, SpeechRow
from schemas.transcripts import TRANSCRIPTS, TranscriptRow

if TYPE_CHECKING:
    import pyarrow as pa

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
    """Transcribe one video. A video without sound gives no segments, and that is no failure.

    Raises:
        ItemError: the sound cannot be decoded.
    """
    (file,) = media.to_pylist()
    video_id, duration_s = file["video_id"], file["duration_s"]
    heard = SILENCE
    if file["has_audio"]:
        blocks = audio.blocks(files.sound(file["path"]))
        heard = recogniser.transcribe(blocks, duration_s, hot_words)
    rows = [
        _row(segment, child_id(video_id, "s", number), video_id, recogniser)
        for number, segment in enumerate(heard.segments)
    ]
    words = sum(len(segment.words) for segment in heard.segments if not segment.flags)
    speech = SpeechRow(
        video_id=video_id,
        speech_s=heard.speech_s,
        speech_ratio=min(1.0, heard.speech_s / duration_s) if duration_s else 0.0,
        words_per_minute=60.0 * words / duration_s if duration_s else 0.0,
        segments=len(rows),
        flagged_segments=sum(bool(segment.flags) for segment in heard.segments),
        language=heard.language.code,
        language_probability=heard.language.probability,
        language_source=heard.language.source,
    )
    return StageResult(
        tables={"transcripts": TRANSCRIPTS.table(rows), "speech": SPEECH.table([speech])}
    )


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
