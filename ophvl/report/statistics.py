"""Statistics of a dataset: hours, clips, words, concepts, routes, splits and licences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ophvl.dataset.store import Store
from ophvl.report.funnel import Funnel, count_funnel
from schemas.vocab import Kind, Level, Route

if TYPE_CHECKING:
    import pandas as pd

TOP = 8
"""Number of most frequent labels shown of a kind."""


@dataclass(frozen=True, kw_only=True)
class KindStatistics:
    """Attributes of one kind: mentions, distinct concepts, and the most frequent labels."""

    mentions: int
    concepts: int
    negated: int
    top: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Contents of the dataset. Hours and seconds as named; rows are those of table `pairs`."""

    funnel: Funnel
    hours: float
    speech_hours: float
    narrated_videos: int
    silent_videos: int
    silent_reasons: Mapping[str, int]
    clip_pairs: int
    clip_mean_s: float
    words_per_narration: float
    video_rows: int
    titled_videos: int
    frames: int
    splits: Mapping[str, int]
    licences: Mapping[str, int]
    attributes: Mapping[str, KindStatistics]

    def to_plain(self) -> dict[str, object]:
        """Return JSON-ready values in the order of the fields; stats.json names the funnel `account`."""
        plain = asdict(self)
        return {"account": plain.pop("funnel"), **plain}


def gather(store: Store) -> Statistics:
    """Read the tables of a dataset folder and count."""

    def read(table: str, *columns: str) -> pd.DataFrame:
        frame: pd.DataFrame = store.read(table, columns).to_pandas()
        return frame

    pairs = read("pairs", "level", "start_s", "end_s", "text", "title", "split")
    clips = pairs[pairs["level"] == Level.CLIP]
    wholes = pairs[pairs["level"] == Level.VIDEO]
    routes = read("routes", "route", "reason")
    silent = routes[routes["route"] == Route.SILENT]
    return Statistics(
        funnel=count_funnel(store),
        hours=float(read("media", "duration_s")["duration_s"].sum()) / 3600,
        speech_hours=float(read("speech", "speech_s")["speech_s"].sum()) / 3600,
        narrated_videos=len(routes) - len(silent),
        silent_videos=len(silent),
        silent_reasons=_counts(silent["reason"]),
        clip_pairs=len(clips),
        clip_mean_s=_mean(clips["end_s"] - clips["start_s"]),
        words_per_narration=_mean(clips["text"].map(lambda text: len(text.split()))),
        video_rows=len(wholes),
        titled_videos=int(wholes["title"].notna().sum()),
        frames=store.read("frames", ["time_s"]).num_rows,
        splits=_counts(wholes["split"]),
        licences=_counts(read("publications", "licence_class")["licence_class"]),
        attributes=_attributes(read("attributes", "kind", "concept_id", "label", "negated")),
    )


def _attributes(rows: pd.DataFrame) -> dict[str, KindStatistics]:
    kinds = {}
    for kind in Kind:
        of_kind = rows[rows["kind"] == kind]
        kinds[str(kind)] = KindStatistics(
            mentions=len(of_kind),
            concepts=int(of_kind["concept_id"].nunique()),
            negated=int(of_kind["negated"].sum()),
            top=_counts(of_kind["label"], TOP),
        )
    return kinds


def _mean(values: pd.Series[float]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _counts(values: pd.Series[str], limit: int | None = None) -> dict[str, int]:
    """Count each value, the most frequent first, equal ones by name."""
    counts = values.value_counts().items()
    ordered = sorted(((str(v), int(n)) for v, n in counts), key=lambda item: (-item[1], item[0]))
    return dict(ordered[:limit])
