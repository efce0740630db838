"""Failures, warnings and waiting items in few lines: one host may fail thousands of items in the same way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ophvl.dataset.store import Store
from ophvl.download.rate_limiter import host_of
from ophvl.errors import HostClosedError
from ophvl.ids import is_line_id
from ophvl.report.terminal import printable
from ophvl.sources.source_list import is_url

_EXAMPLES = 3
_GROUPS = 20


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A line or video that failed; `host` is empty for files of this machine."""

    stage: str
    unit: str
    kind: str
    host: str
    message: str


def read_failures(store: Store) -> list[Failure]:
    """Read all present failures, with their hosts."""
    videos = store.read("videos", ["video_id", "location"]).to_pydict()
    lines = store.read("sources", ["line_id", "text"]).to_pydict()
    locations = dict(zip(videos["video_id"], videos["location"], strict=True))
    locations |= dict(zip(lines["line_id"], lines["text"], strict=True))
    columns = ["stage", "unit", "kind", "message"]
    return [
        Failure(**row, host=_host(locations.get(row["unit"], "")))
        for row in store.read("failures", columns).to_pylist()
    ]


def failure_lines(failures: Iterable[Failure]) -> list[str]:
    """Describe failures: a few of each kind on each host, the most frequent first."""
    groups: dict[tuple[str, str], list[Failure]] = defaultdict(list)
    for failure in failures:
        groups[failure.kind, failure.host].append(failure)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    text = []
    for (kind, host), of_group in ordered[:_GROUPS]:
        text += [
            f"failed at {f.stage}: {f.unit}: {kind}: {f.message}" for f in of_group[:_EXAMPLES]
        ]
        if len(of_group) > _EXAMPLES:
            text.append(
                f"and {len(of_group) - _EXAMPLES} more of {kind} on {host or 'this machine'}"
            )
    if rest := sum(len(of_group) for _, of_group in ordered[_GROUPS:]):
        text.append(f"and {rest} more of other kinds and hosts; `ophvl status` counts them all")
    return [printable(line) for line in text]


def warning_lines(store: Store, stages: Collection[str]) -> list[str]:
    """Describe the warnings of these stages: a few of each kind, the most frequent first."""
    groups: dict[str, list[str]] = defaultdict(list)
    columns = ["stage", "unit", "kind", "item", "message"]
    for row in store.read("warnings", columns).to_pylist():
        if row["stage"] in stages:
            names = [row["unit"]] if not is_line_id(row["unit"]) else []
            item = ": ".join(dict.fromkeys([*names, row["item"]]))
            groups[row["kind"]].append(f"warning: {item}: {row['message']}")
    text = []
    for kind, of_group in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        text += of_group[:_EXAMPLES]
        if len(of_group) > _EXAMPLES:
            text.append(
                f"and {len(of_group) - _EXAMPLES} more of {kind}; table `warnings` holds all"
            )
    return [printable(line) for line in text]


def waiting_lines(waiting: Sequence[HostClosedError], items: str) -> list[str]:
    """Describe each host that accepts no requests for now, with how many of `items` wait for it."""
    counts = Counter(err.host for err in waiting)
    errors = {err.host: err for err in waiting}
    return [
        printable(f"{counts[host]} {items} wait: {err}") for host, err in sorted(errors.items())
    ]


def _host(location: str) -> str:
    return host_of(location) if is_url(location) else ""
