"""Stage pair: all tables of a video -> routes, pairs. Thresholds on earlier scores are applied here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ophvl.config import Settings, Unit
from ophvl.stage import Drop, Scope, StageResult, StageSpec
from schemas.pairs import PAIRS, PairAttribute, PairRow
from schemas.routes import ROUTES, RouteRow
from schemas.vocab import DropReason, Kind, Level, Route, RouteReason

if TYPE_CHECKING:
    import pyarrow as pa


class PairConfig(Settings):
    """Settings of stage pair."""

    min_speech_ratio: float = Field(
        0.05, description="A video with less speech (share of its duration) counts as silent."
    )
    min_words_per_minute: Annotated[float, Unit("words/min")] = Field(
        10.0, description="A video with fewer words counts as silent."
    )
    language: str = Field(
        "en", description="A video in another language, detected with certainty, counts as silent."
    )
    min_language_probability: float = Field(
        0.7, description="From this probability on, a detected language is certain."
    )
    min_descriptive_score: float = Field(
        0.3, description="Narrations with a lower descriptive score are dropped."
    )
    use_rewrites: bool = Field(
        True, description="Train on a narration's rewrite where stage rewrite accepted one."
    )
    clip_frames: Annotated[int, Unit("frames")] = Field(
        8, ge=1, description="Frames taken from one clip."
    )
    video_frames: Annotated[int, Unit("frames")] = Field(
        64, ge=1, description="Frames taken from one whole video."
    )


Row = Mapping[str, object]


def pair(
    publications: pa.Table,
    media: pa.Table,
    speech: pa.Table,
    narrations: pa.Table,
    attributes: pa.Table,
    video_attributes: pa.Table,
    rewrites: pa.Table,
    titles: pa.Table,
    splits: pa.Table,
    *,
    config: PairConfig,
) -> StageResult:
    """Route one video, pair its clips with their narrations and the whole of it with its title."""
    (video,), (file,) = publications.to_pylist(), media.to_pylist()
    (speech_row,) = speech.to_pylist()
    (title,), (assigned,) = titles.to_pylist(), splits.to_pylist()
    video_id, duration_s = video["video_id"], file["duration_s"]
    if duration_s <= 0:
        drop = Drop(row_id=video_id, reason=DropReason.TOO_SHORT, message="it lasts 0 s")
        empty = {"routes": ROUTES.empty(), "pairs": PAIRS.empty()}
        return StageResult(tables=empty, dropped=(drop,))

    spoken = sorted(narrations.to_pylist(), key=lambda row: row["start_s"])
    descriptive = [
        row for row in spoken if row["descriptive_score"] >= config.min_descriptive_score
    ]
    route, reason = choose_route(file["has_audio"], speech_row, bool(descriptive), config)
    if route is Route.SILENT:
        descriptive = []
    texts = {row["narration_id"]: row["text"] for row in descriptive}
    if config.use_rewrites:
        texts |= {r["narration_id"]: r["text"] for r in rewrites.to_pylist() if r["text"]}
    shared = {
        "kind": route,
        "video_id": video_id,
        "channel_id": video["channel_id"],
        "title": title["title"],
        "split": assigned["split"],
        "licence_class": video["licence_class"],
    }
    stated = [row for row in attributes.to_pylist() if not row["hypothetical"]]
    clips = [
        PairRow(
            pair_id=row["narration_id"],
            level=Level.CLIP,
            start_s=row["start_s"],
            end_s=row["end_s"],
            text=texts[row["narration_id"]],
            narrations=[],
            attributes=_concepts(a for a in stated if a["text_id"] == row["narration_id"]),
            confidence=row["confidence"],
            frame_times_s=frame_times(row["start_s"], row["end_s"], config.clip_frames),
            **shared,
        )
        for row in descriptive
    ]
    whole = PairRow(
        pair_id=f"{video_id}-v",
        level=Level.VIDEO,
        start_s=0.0,
        end_s=duration_s,
        text=None,
        narrations=[texts[row["narration_id"]] for row in descriptive],
        attributes=_concepts(video_attributes.to_pylist()),
        confidence=1.0,
        frame_times_s=frame_times(0.0, duration_s, config.video_frames),
        **shared,
    )
    routed = RouteRow(video_id=video_id, route=route, reason=reason)
    return StageResult(
        tables={"routes": ROUTES.table([routed]), "pairs": PAIRS.table([*clips, whole])},
        dropped=_not_descriptive(spoken, config) if route is Route.NARRATED else (),
    )


def choose_route(
    has_audio: bool, speech: Row, has_narration: bool, config: PairConfig
) -> tuple[Route, RouteReason]:
    """Return narrated, or silent and why. `speech` is the video's row of table `speech`."""
    if not has_audio:
        return Route.SILENT, RouteReason.NO_AUDIO
    if _number(speech["speech_ratio"]) < config.min_speech_ratio:
        return Route.SILENT, RouteReason.LITTLE_SPEECH
    sure = _number(speech["language_probability"]) >= config.min_language_probability
    if sure and speech["language"] != config.language:
        return Route.SILENT, RouteReason.LANGUAGE
    if _number(speech["words_per_minute"]) < config.min_words_per_minute:
        return Route.SILENT, RouteReason.LITTLE_SPEECH
    if not has_narration:
        return Route.SILENT, RouteReason.NO_NARRATION
    return Route.NARRATED, RouteReason.SPEECH


def frame_times(start_s: float, end_s: float, count: int) -> list[float]:
    """Return `count` times in seconds: the middles of equal slices of [start_s, end_s), in whole ms."""
    step = (end_s - start_s) / count
    return [round(start_s + (i + 0.5) * step, 3) for i in range(count)]


def _concepts(rows: Iterable[Mapping[str, Any]]) -> list[PairAttribute]:
    """Return the concepts and phrases of attribute rows, each once, in their order."""
    concepts = {}
    for row in rows:
        concept = PairAttribute(
            kind=Kind(row["kind"]),
            concept_id=row["concept_id"],
            label=row["label"],
            negated=row.get("negated", False),
        )
        concepts[concept.kind, concept.label, concept.negated] = concept
    return list(concepts.values())


def _not_descriptive(narrations: Sequence[Row], config: PairConfig) -> tuple[Drop, ...]:
    return tuple(
        Drop(
            row_id=str(row["narration_id"]),
            reason=DropReason.NOT_DESCRIPTIVE,
            message=f"score {_number(row['descriptive_score']):.2f} < {config.min_descriptive_score}",
        )
        for row in narrations
        if _number(row["descriptive_score"]) < config.min_descriptive_score
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


STAGE = StageSpec(
    name="pair",
    version=1,
    scope=Scope.UNIT,
    run=pair,
    settings=PairConfig,
    help="route videos to narrated or silent, and pair spans with texts",
    reads={
        "publications": ("video_id", "channel_id", "licence_class"),
        "media": ("video_id", "duration_s", "has_audio"),
        "speech": (
            "video_id",
            "speech_ratio",
            "words_per_minute",
            "language",
            "language_probability",
        ),
        "narrations": (
            "narration_id",
            "video_id",
            "start_s",
            "end_s",
            "text",
            "descriptive_score",
            "confidence",
        ),
        "attributes": (
            "video_id",
            "text_id",
            "kind",
            "concept_id",
            "label",
            "negated",
            "hypothetical",
        ),
        "video_attributes": ("video_id", "kind", "concept_id", "label"),
        "rewrites": ("narration_id", "video_id", "text"),
        "titles": ("video_id", "title"),
        "splits": ("video_id", "split"),
    },
    writes=("routes", "pairs"),
)
