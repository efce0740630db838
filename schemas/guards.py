"""Rules against text that a recogniser invented: each is a flag column of `transcripts`.

Standard library only, so that the list of stages may name the columns. What each rule looks at, and its
thresholds, stand with its function in `ophvl.speech.hallucinations`.
"""

from __future__ import annotations

from enum import StrEnum


class Guard(StrEnum):
    """A flag column. A flagged segment stays in the table; stage `segment` leaves it out."""

    MUSIC = "is_music"
    SILENCE = "is_silence"
    LOOP = "is_loop"
    CREDIT = "is_credit"
    STOCK = "is_stock"
    PROMPT = "is_prompt"
    PACE = "is_pace"


GUARD_MEANINGS = {
    Guard.MUSIC: "the text is a caption of sounds, such as [Music], or a line of a song",
    Guard.SILENCE: "the recogniser doubts both its text and that there is speech",
    Guard.LOOP: "the same words again and again, here or in the segments around",
    Guard.CREDIT: "credits of subtitles, or a sign-off where hardly anything is said",
    Guard.STOCK: "nothing but a stock phrase, faintly heard",
    Guard.PROMPT: "the recogniser's hints (prompt or hot words) given back",
    Guard.PACE: "words far denser or sparser in time than speech can be",
}

GUARDS: tuple[str, ...] = tuple(guard.value for guard in Guard)
"""The flag columns of `transcripts`, in their order."""
