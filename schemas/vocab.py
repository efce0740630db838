"""Closed vocabularies: the only values that the columns named after them may hold."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How the processing of a source line ended."""

    EXPANDED = "expanded"
    FAILED = "failed"


class FailureKind(StrEnum):
    """Why something could not be processed. Every failure has exactly one of these."""

    NOT_FOUND = "not_found"
    PRIVATE = "private"
    AGE_GATED = "age_gated"
    GEO_BLOCKED = "geo_blocked"
    FORBIDDEN = "forbidden"
    """The host refuses this one item (HTTP 403) and does not say why."""
    BLOCKED = "blocked"
    """The host refuses us: a bot check, a sign-in wall, a ban. Further requests fail likewise."""
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER_ERROR = "server_error"
    REDIRECT_LOOP = "redirect_loop"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    """Longer or larger than the settings allow."""
    LIVE = "live"
    """A stream that has no end yet."""
    NOT_A_VIDEO = "not_a_video"
    UNSUPPORTED = "unsupported"
    UNREADABLE = "unreadable"
    DECODE_ERROR = "decode_error"
    DISK_FULL = "disk_full"


TRANSIENT = frozenset(
    {
        FailureKind.TIMEOUT,
        FailureKind.NETWORK,
        FailureKind.RATE_LIMITED,
        FailureKind.SERVER_ERROR,
        FailureKind.TRUNCATED,
    }
)
"""Failures that may go away by themselves: worth another try within the same run."""

RETRIED = TRANSIENT | {FailureKind.BLOCKED, FailureKind.DISK_FULL, FailureKind.LIVE}
"""Failures that the next run tries again by itself; the others stay until `ophvl retry --kind`."""


class WarningKind(StrEnum):
    """What a source line or a video lost that is kept, or what was mended in it."""

    FILE_UNUSABLE = "file_unusable"
    """A local file that a source line leads to: a video that is left out, or metadata that is."""
    SUBTITLES_UNREADABLE = "subtitles_unreadable"
    CLOCK_JUMPS = "clock_jumps"
    """Time stamps that restart or jump: sound and pictures were put on one clock."""
    CUT_SHORT = "cut_short"
    """The file ends before the duration that its header names."""
    LENGTHS_DIFFER = "lengths_differ"
    """Sound and pictures differ in length."""
    DAMAGED_PICTURES = "damaged_pictures"
    """Pictures that cannot be decoded; the one before is shown in their place."""
    DAMAGED_SOUND = "damaged_sound"
    """Packets of sound that cannot be decoded; silence takes their place."""
    AUDIO_STREAM_CHOSEN = "audio_stream_chosen"
    """Of several audio streams one is heard."""


class DropReason(StrEnum):
    """Why a stage dropped a video or a row."""

    NOT_SURGICAL = "not_surgical"
    TAKEN_DOWN = "taken_down"
    """The video or its channel stands on a block list: its publisher does not want it here."""
    EVALUATION = "evaluation"
    """The video stands on an exclusion list: models are judged on it, so none may learn from it."""
    INVENTED_TEXT = "invented_text"
    TOO_SHORT = "too_short"
    NOT_DESCRIPTIVE = "not_descriptive"
    NOTHING_TO_PAIR = "nothing_to_pair"
    OVERRIDE_UNMATCHED = "override_unmatched"
    """A reviewer's judgement that matches no reading any more, and so has no effect."""


class Route(StrEnum):
    """The role of a video in the dataset."""

    NARRATED = "narrated"
    SILENT = "silent"


class RouteReason(StrEnum):
    """Why a video took its route."""

    SPEECH = "speech"
    NO_AUDIO = "no_audio"
    LITTLE_SPEECH = "little_speech"
    LANGUAGE = "language"
    NO_NARRATION = "no_narration"


class Surgical(StrEnum):
    """Whether a video shows surgery. Hospital files named `case_4687.mp4` are unknown, and stay."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Eye(StrEnum):
    """Laterality as titles give it (OD, OS, OU)."""

    RIGHT = "right"
    LEFT = "left"
    BOTH = "both"


class Kind(StrEnum):
    """The twelve kinds of attribute."""

    SURGERY = "surgery"
    PHASE = "phase"
    OPERATION = "operation"
    ACTION = "action"
    INSTRUMENT = "instrument"
    MEDICATION = "medication"
    DISEASE = "disease"
    DISEASE_CAUSE = "disease_cause"
    ANATOMY = "anatomy"
    COMPLICATION = "complication"
    OBJECTIVE = "objective"
    POSTOP_CARE = "postop_care"


class TextColumn(StrEnum):
    """Which text holds an attribute."""

    TEXT = "text"
    TITLE = "title"
    DESCRIPTION = "description"


class Target(StrEnum):
    """What a reviewer judges."""

    EDIT = "edit"
    ATTRIBUTE = "attribute"
    NARRATION = "narration"
    """Whether it describes what is done and seen in the eye."""


class NarrationReading(StrEnum):
    """Whether a narration describes what is done and seen in the eye."""

    DESCRIPTIVE = "descriptive"
    OTHER = "other"


class RewriteOutcome(StrEnum):
    """The outcome of a rewrite by a language model."""

    ACCEPTED = "accepted"
    ADDED_CONCEPT = "added_concept"
    ADDED_NUMBER = "added_number"
    ADDED_SIDE = "added_side"
    CHANGED_NEGATION = "changed_negation"
    MALFORMED = "malformed"
    OVER_BUDGET = "over_budget"


class Level(StrEnum):
    """The two levels of the hierarchy."""

    CLIP = "clip"
    VIDEO = "video"


class Split(StrEnum):
    """Assignment of a source video; clips inherit it."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class LicenceClass(StrEnum):
    """What a licence allows, as far as its name tells (`ophvl.sources.licences`)."""

    OPEN = "open"
    """Creative Commons without NC and ND, or the public domain."""
    NON_COMMERCIAL = "non_commercial"
    """Creative Commons with NC, without ND."""
    STANDARD = "standard"
    """All rights reserved, or the site's own terms: it may be watched there."""
    UNKNOWN = "unknown"
    """None given, one whose name tells nothing, or ND: whether a dataset is a derivative is not ours
    to judge."""


class MediaForm(StrEnum):
    """The form in which a fetched video remains once it is transcribed."""

    ALL = "all"
    """The file as it was fetched."""
    PROXY = "proxy"
    """A small video with its sound: enough for pairs and for another recogniser."""
    AUDIO = "audio"
    """The sound alone: enough for another recogniser."""


class CaptionKind(StrEnum):
    """Whether the subtitles of a site were written by people or by its recogniser."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"


class Pool(StrEnum):
    """What a stage mostly needs, and so which worker pool runs it."""

    NETWORK = "network"
    CPU = "cpu"


class Task(StrEnum):
    """Evaluation tasks that ground-truth labels belong to."""

    PHASE = "phase"
    INSTRUMENT = "instrument"
    SURGERY = "surgery"
