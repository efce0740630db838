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

from ophvl.atomic_io import write_text
from ophvl.errors import HostClosedError, ItemError
from ophvl.lock import turn
from schemas.vocab import FailureKind

_FOLDER = ".pace"

_CHARGED = frozenset({FailureKind.RATE_LIMITED, FailureKind.BLOCKED, FailureKind.FORBIDDEN})
"""Failures that are refusals of us; so is each that asks us to wait."""

_HOUR_S = 3600.0

LONGEST_WAIT_S = 60.0
"""A host that refuses for longer than this is closed: its items wait for a later run."""

_LIMITS = 3
_LIMITED_S = 900.0
"""After so many refusals in a row, a host that says "too many requests" is left alone for so long."""

_BLOCKS = 2
"""One page may be guarded for itself; another refusal in a row, and it is the host."""

_BLOCKED_S = 6 * _HOUR_S
"""How long a block lasts is not told; asking on prolongs it."""

_REFUSALS = 5
_REFUSED_S = _HOUR_S
"""So many refusals in a row, of whatever kind, are no accident of the items: the host refuses us."""


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
    """Refusals in a row, of whatever kind."""
    refused_s: float = 0.0
    """When the last of them came."""
    kind: str | None = None
    """That of the gravest of them, with its message."""
    message: str = ""
    closed_until_s: float = 0.0


class Pacer:
    """Keeps the pace of every host for one dataset folder `root`."""

    def __init__(self, root: Path, pace: Pace) -> None:
        self._root = root
        self._pace = pace

    @contextmanager
    def asking(self, url: str) -> Iterator[None]:
        """Wait until `url` may be asked for, and note how its host answers what is done within.

        Raises:
            HostClosedError: the host wants no requests for now; it was not asked.
        """
        host = host_of(url)
        asked_s = self.wait(host)
        try:
            yield
        except _NotedError:
            raise
        except ItemError as err:
            if err.kind not in _CHARGED and err.retry_after_s is None:
                raise
            self.refused(host, err)
            raise _NotedError(err.kind, err.message, err.retry_after_s) from err
        self.accepted(host, asked_s)

    def wait(self, host: str) -> float:
        """Return when the next request to `host` may go out: now, in seconds since 1970.

        Raises:
            HostClosedError: that is longer than `LONGEST_WAIT_S` after a refusal.
        """
        time.sleep(max(0.0, self._slot_s(host) - time.time()))
        # Others were asked meanwhile, and may have been refused.
        while (left_s := self._open(_read(self._root, host)).closed_until_s - time.time()) > 0:
            time.sleep(left_s)
        return time.time()

    def _slot_s(self, host: str) -> float:
        """The moment of the next request, which is taken."""
        state = self._open(_read(self._root, host))
        if not self._pace.local and is_local(host):
            return state.closed_until_s
        with self._changing(host) as (state, write):
            self._open(state)
            now = time.time()
            asked = [at for at in state.asked_s if at > now - _HOUR_S]
            slot = max(now, state.next_s, state.closed_until_s)
            if len(asked) >= self._pace.per_hour:
                slot = max(slot, asked[-self._pace.per_hour] + _HOUR_S)
            gap_s = self._pace.gap_s * random.uniform(0.5, 1.5)
            write(replace(state, next_s=slot + gap_s, asked_s=[*asked, slot]))
        return slot

    def accepted(self, host: str, asked_s: float) -> None:
        """The host answered as it should: what it refused before is forgotten.

        What it refused after this request went out (`asked_s`) is not, nor does it open a host that has
        closed meanwhile.
        """

        def forgets(state: HostState) -> bool:
            closed = state.closed_until_s > time.time()
            return state.refusals > 0 and state.refused_s < asked_s and not closed

        if forgets(_read(self._root, host)):
            with self._changing(host) as (state, write):
                if forgets(state):
                    write(replace(state, refusals=0, kind=None, message=""))

    def refused(self, host: str, err: ItemError) -> None:
        """The host refused: ask later, later still when it goes on, much later when it is a block."""
        with self._changing(host) as (state, write):
            now = time.time()
            state = replace(state, refusals=state.refusals + 1, refused_s=now)
            if _gravity(err.kind) >= _gravity(state.kind):
                state = replace(state, kind=str(err.kind), message=err.message)
            # What closes it for longer holds.
            until_s = max(state.closed_until_s, now + self._pause_s(state, err))
            write(replace(state, closed_until_s=until_s))

    def _pause_s(self, state: HostState, err: ItemError) -> float:
        """How long a host wants to be left alone after its last refusal `err`: the strictest that holds."""
        pauses = [err.retry_after_s or 0.0]
        if err.kind is FailureKind.BLOCKED:
            pauses.append(self._pace.pause_s)
        elif err.kind is not FailureKind.FORBIDDEN and err.retry_after_s is None:
            pauses.append(self._pace.pause_s * 2 ** (min(state.refusals, _LIMITS) - 1))
        if state.refusals >= _REFUSALS:
            pauses.append(_REFUSED_S)
        if state.refusals >= _LIMITS and state.kind != FailureKind.FORBIDDEN:
            pauses.append(_LIMITED_S)
        if state.refusals >= _BLOCKS and state.kind == FailureKind.BLOCKED:
            pauses.append(_BLOCKED_S)
        return max(pauses)

    def _open(self, state: HostState) -> HostState:
        """The state of a host that wants requests.

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
        with turn(self._root, f"pace-{path.stem}"):
            yield _read(self._root, host), _Write(path)


@dataclass(frozen=True)
class _Write:
    path: Path

    def __call__(self, state: HostState) -> None:
        write_text(self.path, json.dumps(asdict(state)))


def _gravity(kind: str | None) -> int:
    """How much a refusal says of its host: a page may not be for us, a block is of us."""
    known: dict[str | None, int] = {None: 0, FailureKind.FORBIDDEN: 1, FailureKind.BLOCKED: 3}
    return known.get(kind, 2)


class _NotedError(ItemError):
    """A refusal that its host is charged with already: what was asked on the way to it is not to blame."""


def host_of(url: str) -> str:
    """The host that a URL or a search line is asked of: the unit of pacing. Ports are hosts of their own."""
    if "://" not in url:
        return "youtube.com"  # `ytsearch20:words`
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""  # Whoever is asked for such an address will say that it is none.
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
"""Sites of several hosts, those below their own among them."""


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
    closed = [state for state in states if state and state.closed_until_s > time.time()]
    return sorted(closed, key=lambda state: state.closed_until_s)


def local_time(at_s: float) -> str:
    """Seconds since 1970 as the user's clock shows them."""
    return datetime.fromtimestamp(at_s).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def _path(root: Path, host: str) -> Path:
    return root / _FOLDER / f"{hashlib.sha256(host.encode()).hexdigest()[:16]}.json"


def _read(root: Path, host: str) -> HostState:
    return _load(_path(root, host)) or HostState(host=host)


def _load(path: Path) -> HostState | None:
    """A state as it was written. One that another version wrote, or that is cut off, counts for nothing."""
    try:
        return HostState(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
