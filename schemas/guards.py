"""Rules against text that a recogniser invented: each is a flag column of `transcripts`.

`schemas.transcripts` says what each flag means. The rules and their thresholds are in
`ophvl.speech.hallucinations`.
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


GUARDS: tuple[str, ...] = tuple(guard.value for guard in Guard)
"""The flag columns of `transcripts`, in their order."""
