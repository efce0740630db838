"""How many requests each host gets: one limit for all processes that work on a dataset folder.

In: the host of the next request. Out: the moment at which it may go out, or `HostClosedError` when the
host wants no requests for longer than a run waits (the rules stand in `ophvl.download.escalation`).

    .pace/<16 hex of the host>.json    when its next request may go out, those of the last hour, refusals

Sites answer many requests with blocks that last for hours and hit every later one; a video costs minutes to
transcribe, so few requests cost little. 300 an hour is what the largest site was observed to accept.
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

from ophvl.atomic_io import write_text
from ophvl.download.escalation import (
    ESCALATION,
    LONGEST_WAIT_S,
    answer_of,
    is_refusal,
    recorded_answer,
    seconds_closed,
)
from ophvl.errors import HostClosedError, ItemError
from ophvl.lock import mutex
from schemas.vocab import FailureKind

_FOLDER = ".pace"

_HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """At most `per_hour` requests, `gap_s` apart on average; `pause_s` after a first refusal.

    Hosts of this machine and of private networks have no limit, unless `local` is set.
    """

    gap_s: float
    per_hour: int
    pause_s: float
    local: bool


@dataclass(frozen=True, kw_only=True)
class HostState:
    """What is recorded of a host. Times are seconds since 1970."""

    host: str
    next_s: float = 0.0
    """The earliest moment for the next request."""
    asked_s: list[float] = field(default_factory=list)
    """Requests of the last hour."""
    refusals: int = 0
    """Refusals in a row, of whatever kind."""
    refused_s: float = 0.0
    """When the last of them came."""
    kind: str | None = None
    """That of the worst of them, with its message."""
    message: str = ""
    closed_until_s: float = 0.0


class RateLimiter:
    """Keeps requests to each host within `limit`, over all processes that work on the folder `root`."""

    def __init__(self, root: Path, limit: RateLimit) -> None:
        self._root = root
        self._limit = limit

    @contextmanager
    def request(self, url: str) -> Iterator[None]:
        """Wait until `url` may be requested, and record how its host answers what is done within.

        Raises:
            HostClosedError: the host wants no requests for now; none was sent.
        """
        host = host_of(url)
        requested_s = self.wait(host)
        try:
            yield
        except _RecordedError:
            raise
        except ItemError as err:
            if not is_refusal(answer_of(err)):
                raise
            self.refused(host, err)
            raise _RecordedError(err.kind, err.message, err.retry_after_s) from err
        self.accepted(host, requested_s)

    def wait(self, host: str) -> float:
        """Wait until the next request to `host` may go out; return that moment, in seconds since 1970.

        Raises:
            HostClosedError: the host is closed for longer than `LONGEST_WAIT_S`.
        """
        time.sleep(max(0.0, self._slot_s(host) - time.time()))
        # Other processes may have been refused meanwhile.
        while (left_s := self._open(_read(self._root, host)).closed_until_s - time.time()) > 0:
            time.sleep(left_s)
        return time.time()

    def _slot_s(self, host: str) -> float:
        """Reserve the next free moment for a request and return it."""
        state = self._open(_read(self._root, host))
        if not self._limit.local and is_local(host):
            return state.closed_until_s
        with self._changing(host) as (state, write):
            self._open(state)
            now = time.time()
            requested = [at for at in state.asked_s if at > now - _HOUR_S]
            slot = max(now, state.next_s, state.closed_until_s)
            if len(requested) >= self._limit.per_hour:
                slot = max(slot, requested[-self._limit.per_hour] + _HOUR_S)
            gap_s = self._limit.gap_s * random.uniform(0.5, 1.5)
            write(replace(state, next_s=slot + gap_s, asked_s=[*requested, slot]))
        return slot

    def accepted(self, host: str, requested_s: float) -> None:
        """Forget earlier refusals: the host answered as it should.

        What it refused after this request went out (`requested_s`) is not forgotten, nor does this open a
        host that was closed meanwhile.
        """

        def ends_row(state: HostState) -> bool:
            closed = state.closed_until_s > time.time()
            return state.refusals > 0 and state.refused_s < requested_s and not closed

        if ends_row(_read(self._root, host)):
            with self._changing(host) as (state, write):
                if ends_row(state):
                    write(replace(state, refusals=0, kind=None, message=""))

    def refused(self, host: str, err: ItemError) -> None:
        """Record a refusal, and close the host for as long as the table of escalation says."""
        with self._changing(host) as (state, write):
            now = time.time()
            answer, worst = answer_of(err), recorded_answer(state.kind)
            if ESCALATION[answer].severity >= ESCALATION[worst].severity:
                state, worst = replace(state, kind=str(err.kind), message=err.message), answer
            refusals = state.refusals + 1
            pause_s = seconds_closed(err, worst, refusals, self._limit.pause_s)
            # An earlier refusal may have closed it for longer.
            until_s = max(state.closed_until_s, now + pause_s)
            write(replace(state, refusals=refusals, refused_s=now, closed_until_s=until_s))

    def _open(self, state: HostState) -> HostState:
        """Return `state` if its host accepts requests, or will soon.

        Raises:
            HostClosedError: it wants none for longer than a run waits.
        """
        if state.closed_until_s - time.time() > LONGEST_WAIT_S:
            limited = state.kind in (FailureKind.RATE_LIMITED, FailureKind.SERVER_ERROR)
            raise HostClosedError(
                state.host,
                state.closed_until_s,
                FailureKind.RATE_LIMITED if limited else FailureKind.BLOCKED,
                f"{state.host} wants no requests until {local_time(state.closed_until_s)} "
                f"({state.message}); run the same command again then",
            )
        return state

    @contextmanager
    def _changing(self, host: str) -> Iterator[tuple[HostState, _Write]]:
        path = _path(self._root, host)
        with mutex(self._root, f"pace-{path.stem}"):
            yield _read(self._root, host), _Write(path)


@dataclass(frozen=True)
class _Write:
    path: Path

    def __call__(self, state: HostState) -> None:
        write_text(self.path, json.dumps(asdict(state)))


class _RecordedError(ItemError):
    """A refusal that is recorded for its host already; it does not count for that of the outer request."""


def host_of(url: str) -> str:
    """Return the host that gets the requests for a URL or a search line; each port is a host of its own."""
    if "://" not in url:
        return "youtube.com"  # `ytsearch20:words`
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""  # The downloader reports such an address.
    host = parts.netloc.rpartition("@")[2].lower().removeprefix("www.")
    host = host.removesuffix(_USUAL_PORTS.get(parts.scheme, ""))
    for name, aliases in _ONE_SITE.items():
        if any(host == alias or host.endswith(f".{alias}") for alias in (name, *aliases)):
            return name
    return host


_USUAL_PORTS = {"http": ":80", "https": ":443"}

_ONE_SITE = {
    "youtube.com": ("youtu.be", "youtube-nocookie.com"),
    "vimeo.com": (),
    "dailymotion.com": ("dai.ly",),
    "bilibili.com": ("b23.tv",),
}
"""Sites of several hosts, which count as one; so do all their subdomains."""


def is_local(host: str) -> bool:
    """Return whether a host is this machine or one of a private network."""
    name = host.rpartition(":")[0].strip("[]") if host.rpartition(":")[2].isdecimal() else host
    try:
        return ipaddress.ip_address(name.strip("[]")).is_private
    except ValueError:
        return name in ("", "localhost") or name.endswith((".localhost", ".local"))


def closed_hosts(root: Path) -> list[HostState]:
    """Return the hosts that want no requests for now, in the order in which they open."""
    states = [_load(path) for path in sorted((root / _FOLDER).glob("*.json"))]
    closed = [state for state in states if state and state.closed_until_s > time.time()]
    return sorted(closed, key=lambda state: state.closed_until_s)


def local_time(at_s: float) -> str:
    """Return seconds since 1970 as local date and time, in words."""
    return datetime.fromtimestamp(at_s).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def _path(root: Path, host: str) -> Path:
    return root / _FOLDER / f"{hashlib.sha256(host.encode()).hexdigest()[:16]}.json"


def _read(root: Path, host: str) -> HostState:
    return _load(_path(root, host)) or HostState(host=host)


def _load(path: Path) -> HostState | None:
    """Read a host's state; None where there is none, another version wrote it, or it is cut off."""
    try:
        return HostState(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
