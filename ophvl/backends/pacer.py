"""How fast each host may be asked. One for all processes that work on a dataset folder.

In: the host of the next request. Out: the moment at which it may go out, or `HostClosedError` when the
host wants no requests for longer than a run waits.

    .pace/<16 hex of the host>.json    when its next request may go out, those of the last hour, refusals

Sites answer haste with blocks that last for hours and hit every later request; a video costs minutes to
transcribe, so asking slowly costs little. 300 an hour is what the largest site was seen to bear.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from ophvl.atomic import write_text
from ophvl.errors import HostClosedError, ItemError
from ophvl.lock import turn
from schemas.vocab import FailureKind

_FOLDER = ".pace"
_HOUR_S = 3600.0

LONGEST_WAIT_S = 60.0
"""A host that refuses for longer than this is closed: its items wait for a later run."""

_LIMITS = 3
_LIMITED_S = 900.0
"""After so many refusals in a row, a host that says "too many requests" is left alone for so long."""

_BLOCKS = 2
"""One page may be guarded for itself; two in a row are the host."""

_BLOCKED_S = 6 * _HOUR_S
"""How long a block lasts is not told; asking on prolongs it."""

_FORBIDDEN = 5
"""So many refused items in a row are no accident of the items: the host refuses us."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """At most `per_hour` requests, `gap_s` apart on average; `pause_s` after a first refusal.

    Hosts of this machine and of private networks are asked at once, unless `local` is set.
    """

    gap_s: float
    per_hour: int
    pause_s: float
    local: bool


@dataclass(frozen=True, kw_only=True)
class HostState:
    """What is known of a host. Times are seconds since 1970."""

    host: str
    next_s: float = 0.0
    """The earliest moment for the next request."""
    asked_s: list[float] = field(default_factory=list)
    """Requests of the last hour."""
    refusals: int = 0
    """Refusals in a row."""
    kind: str | None = None
    message: str = ""
    closed_until_s: float = 0.0


class Pacer:
    """Keeps the pace of every host for one dataset folder `root`."""

    def __init__(self, root: Path, pace: Pace) -> None:
        self._root = root
        self._pace = pace

    def wait(self, host: str) -> None:
        """Return when the next request to `host` may go out.

        Raises:
            HostClosedError: that is longer than `LONGEST_WAIT_S` after a refusal.
        """
        state = _read(self._root, host)
        self._refuse_if_closed(state)
        if not self._pace.local and is_local(host):
            time.sleep(max(0.0, state.closed_until_s - time.time()))
            return
        with self._changing(host) as (state, write):
            self._refuse_if_closed(state)
            now = time.time()
            asked = [at for at in state.asked_s if at > now - _HOUR_S]
            slot = max(now, state.next_s, state.closed_until_s)
            if len(asked) >= self._pace.per_hour:
                slot = max(slot, asked[-self._pace.per_hour] + _HOUR_S)
            gap_s = self._pace.gap_s * random.uniform(0.5, 1.5)
            write(replace(state, next_s=slot + gap_s, asked_s=[*asked, slot]))
        time.sleep(max(0.0, slot - time.time()))

    def accepted(self, host: str) -> None:
        """The host answered as it should: what it refused before is forgotten.

        A host that has closed meanwhile stays so: the answer is to a request from before.
        """
        state = _read(self._root, host)
        if state.refusals and state.closed_until_s <= time.time():
            with self._changing(host) as (state, write):
                if state.closed_until_s <= time.time():
                    write(replace(state, refusals=0, kind=None, message=""))

    def refused(self, host: str, err: ItemError) -> None:
        """The host refused: ask later, later still when it goes on, much later when it is a block."""
        with self._changing(host) as (state, write):
            refusals = state.refusals + 1 if state.kind == err.kind else 1
            until_s = time.time() + self._pause_s(err, refusals)
            if until_s >= state.closed_until_s:  # What closes it for longer holds.
                write(
                    replace(
                        state,
                        refusals=refusals,
                        kind=str(err.kind),
                        message=err.message,
                        closed_until_s=until_s,
                    )
                )

    def _pause_s(self, err: ItemError, refusals: int) -> float:
        if err.kind is FailureKind.BLOCKED:
            pause_s = _BLOCKED_S if refusals >= _BLOCKS else self._pace.pause_s
            return max(pause_s, err.retry_after_s or 0.0)
        if err.kind is FailureKind.FORBIDDEN:
            return _HOUR_S if refusals >= _FORBIDDEN else 0.0
        if err.retry_after_s is not None:
            pause_s = err.retry_after_s
        else:
            pause_s = self._pace.pause_s * 2 ** (refusals - 1)
        return max(pause_s, _LIMITED_S) if refusals >= _LIMITS else pause_s

    def _refuse_if_closed(self, state: HostState) -> None:
        if state.closed_until_s - time.time() > LONGEST_WAIT_S:
            limited = state.kind in (FailureKind.RATE_LIMITED, FailureKind.SERVER_ERROR)
            raise HostClosedError(
                state.host,
                state.closed_until_s,
                FailureKind.RATE_LIMITED if limited else FailureKind.BLOCKED,
                f"{state.host} wants no requests until {local_time(state.closed_until_s)} "
                f"({state.message}); run the same command again then",
            )

    @contextmanager
    def _changing(self, host: str) -> Iterator[tuple[HostState, _Write]]:
        path = _path(self._root, host)
        with turn(self._root, f"pace-{path.stem}"):
            yield _read(self._root, host), _Write(path)


@dataclass(frozen=True)
class _Write:
    path: Path

    def __call__(self, state: HostState) -> None:
        write_text(self.path, json.dumps(asdict(state)))


def host_of(url: str) -> str:
    """The host that a URL or a search line is asked of: the unit of pacing. Ports are hosts of their own."""
    if "://" not in url:
        return "youtube.com"  # `ytsearch20:words`
    try:
        host = urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""  # Whoever is asked for such an address will say that it is none.
    for name, aliases in _ONE_SITE.items():
        if any(host == alias or host.endswith(f".{alias}") for alias in aliases):
            return name
    return host


_ONE_SITE = {"youtube.com": ("youtube.com", "youtu.be", "youtube-nocookie.com")}


def is_local(host: str) -> bool:
    """Whether a host is this machine or one of a private network."""
    name = host.rpartition(":")[0].strip("[]") if host.rpartition(":")[2].isdecimal() else host
    try:
        return ipaddress.ip_address(name.strip("[]")).is_private
    except ValueError:
        return name in ("", "localhost") or name.endswith((".localhost", ".local"))


def closed_hosts(root: Path) -> list[HostState]:
    """The hosts that want no requests for now, those that open last at the end."""
    states = [_load(path) for path in sorted((root / _FOLDER).glob("*.json"))]
    closed = [state for state in states if state.closed_until_s > time.time()]
    return sorted(closed, key=lambda state: state.closed_until_s)


def local_time(at_s: float) -> str:
    """Seconds since 1970 as the user's clock shows them."""
    return datetime.fromtimestamp(at_s).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def _path(root: Path, host: str) -> Path:
    return root / _FOLDER / f"{hashlib.sha256(host.encode()).hexdigest()[:16]}.json"


def _read(root: Path, host: str) -> HostState:
    path = _path(root, host)
    return _load(path) if path.exists() else HostState(host=host)


def _load(path: Path) -> HostState:
    return HostState(**json.loads(path.read_text(encoding="utf-8")))
