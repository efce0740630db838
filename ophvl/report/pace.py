"""Pace of an ingest: failures by stage and host, videos an hour, hours left, closed hosts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from ophvl.dataset.ledger import EntryOutcome
from ophvl.dataset.store import Store
from ophvl.download.rate_limiter import HostState, closed_hosts, local_time
from ophvl.report.failures import read_failures
from ophvl.report.terminal import in_words, printable

_HOUR_S = 3600.0
_STAGES = ("download", "transcribe")


@dataclass(frozen=True, kw_only=True)
class FailureCount:
    """Failures of one kind at one stage on one host; `host` is empty for files of this machine."""

    stage: str
    kind: str
    host: str
    count: int


@dataclass(frozen=True, kw_only=True)
class StagePace:
    """Videos that a stage finished an hour in the last hour that it worked, and what remains."""

    stage: str
    per_hour: float
    pending: int
    hours_left: float | None


@dataclass(frozen=True, kw_only=True)
class IngestPace:
    """Pace of an ingest. Each of `lines_to_ask`, not expanded yet, counts as one pending video."""

    failures: tuple[FailureCount, ...]
    stages: tuple[StagePace, ...]
    closed: tuple[HostState, ...]
    lines_to_ask: int


def measure_pace(store: Store) -> IngestPace:
    """Measure the pace from the ledger and the states of the hosts."""
    unexpanded = len(store.listed_lines() - store.entries("discover").keys())
    return IngestPace(
        failures=_failures(store),
        stages=tuple(_stage(store, name, unexpanded) for name in _STAGES),
        closed=tuple(closed_hosts(store.root)),
        lines_to_ask=unexpanded,
    )


def pace_lines(pace: IngestPace) -> list[str]:
    """Describe the pace."""
    text = []
    if pace.failures:
        text += ["", f"{'failed at':<12}{'kind':<16}{'items':>7}  host"]
        text += [
            printable(f"{f.stage:<12}{f.kind:<16}{f.count:>7}  {f.host or '(this machine)'}")
            for f in pace.failures
        ]
        text.append("`ophvl retry --kind KIND` tries those of one kind again")
    for stage in pace.stages:
        if stage.pending and stage.hours_left is None:
            text.append(f"{stage.stage:<12}{stage.pending} to go")
        elif stage.pending:
            text.append(
                f"{stage.stage:<12}{stage.per_hour:.0f} videos an hour, {stage.pending} to go: "
                f"{in_words(stage.hours_left or 0.0)}"
            )
    if pace.lines_to_ask:
        text.append(
            f"Among them are {pace.lines_to_ask} lines that are not expanded yet, each counted as one video."
        )
    text += [
        printable(
            f"{host.host} wants no requests until {local_time(host.closed_until_s)}: {host.message}"
        )
        for host in pace.closed
    ]
    return text


def _failures(store: Store) -> tuple[FailureCount, ...]:
    counts = Counter((f.stage, f.kind, f.host) for f in read_failures(store))
    return tuple(
        FailureCount(stage=stage, kind=kind, host=host, count=count)
        for (stage, kind, host), count in sorted(
            counts.items(), key=lambda group: (-group[1], group[0])
        )
    )


def _stage(store: Store, name: str, unexpanded: int) -> StagePace:
    entries = store.entries(name)
    ended = sorted(
        datetime.fromisoformat(entry.at).timestamp()
        for entry in entries.values()
        if entry.outcome is EntryOutcome.EMITTED
    )
    recent = [at for at in ended if at > ended[-1] - _HOUR_S]
    # n videos span n - 1 intervals.
    span_s = recent[-1] - recent[0] if recent else 0.0
    per_hour = (len(recent) - 1) * _HOUR_S / span_s if span_s else 0.0
    pending = unexpanded + _pending(store, name, len(entries))
    return StagePace(
        stage=name,
        per_hour=per_hour,
        pending=pending,
        hours_left=pending / per_hour if per_hour else None,
    )


def _pending(store: Store, name: str, ended: int) -> int:
    """Count videos that have not left a stage yet, less those that an earlier one stopped."""
    listed = len(store.read("videos", ["video_id"]).column("video_id"))
    stopped = 0
    for spec in store.stages.values():
        if spec.name == name:
            break
        if spec.name != "discover":
            outcomes = [entry.outcome for entry in store.entries(spec.name).values()]
            stopped += sum(outcome is not EntryOutcome.EMITTED for outcome in outcomes)
    return max(0, listed - stopped - ended)
