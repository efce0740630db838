"""A little pipeline of real tables, whose stages do what the source file tells them.

    list (line) -> fetch (unit) -> name (unit) -> split (corpus) -> mark (unit) -> card (export)

A source file holds one JSON object a line: `id`, `title`, and `does`, which says how the stages behave
for that video. Every call is written to the config's log.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ophvl.config import Settings
from ophvl.errors import HostClosedError, ItemError
from ophvl.stage import Drop, Scope, SourceLine, StageResult, StageSpec, StageWarning
from schemas.vocab import DropReason, FailureKind, Pool, WarningKind
from tests.factories import NOON, media_row, route_row, split_row, table, title_row, video_row

HERE = "tests.ophvl.toy_stages"


class ToyConfig(Settings):
    """`model` names the pinned model of stage fetch; `suffix` ends every name."""

    log: str
    model: str = "m1"
    suffix: str = ""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A port with a model."""

    revision: str

    @property
    def note(self) -> str:
        return f"model {self.revision}, the best in reach"


def tool(config: ToyConfig, folder: Path) -> Tool:
    return Tool(revision=config.model)


def _log(config: ToyConfig, stage: str, unit: str) -> int:
    """Write the call down; return how many calls for this unit came before."""
    line = f"{stage} {unit}"
    path = Path(config.log)
    before = [x.rsplit(" ", 1)[0] for x in path.read_text().splitlines()] if path.exists() else []
    with path.open("a") as file:
        file.write(f"{line} {os.getpid()}\n")
    return before.count(line)


def list_videos(line: SourceLine, *, config: ToyConfig) -> StageResult:
    before = _log(config, "list", line.text)
    path = Path(line.target)
    if line.is_url or not path.exists():
        raise ItemError(FailureKind.NOT_FOUND, f"there is no {line.text}")
    rows = []
    for n, source in enumerate(map(json.loads, path.read_text().splitlines())):
        if source["does"] == "flaky list" and before < 1:
            raise ItemError(FailureKind.NETWORK, "the line is down")
        rows.append(
            video_row(
                n,
                video_id=source["id"],
                title=source["title"],
                location=source["does"],
                line_id=line.line_id,
                description=source.get("description"),
            )
        )
    return StageResult(tables={"videos": table("videos", *rows)})


def fetch(videos: pa.Table, *, config: ToyConfig, tool: Tool) -> StageResult:
    assert videos.column_names == ["video_id", "location"]
    (video,) = videos.to_pylist()
    unit, does = video["video_id"], video["location"]
    before = _log(config, "fetch", unit)
    row = media_row(1, video_id=unit, tool=tool.revision, fetched_at=NOON)
    result = StageResult(tables={"media": table("media", row)})
    act = _ACTS.get(does.removeprefix("https://example.org/"))
    return act(unit, before, result) if act else result


def _sleep(unit: str, before: int, result: StageResult) -> StageResult:
    time.sleep(0.15)
    return result


def _fail(kind: FailureKind, times: int, retry_after_s: float | None = None) -> _Act:
    def act(unit: str, before: int, result: StageResult) -> StageResult:
        if before < times:
            raise ItemError(kind, f"{unit} \u2028 \udcff cannot be had", retry_after_s)
        return result

    return act


def _drop(unit: str, before: int, result: StageResult) -> StageResult:
    drop = Drop(row_id=unit, reason=DropReason.TOO_SHORT, message="0.5 s")
    return StageResult(tables={"media": result.tables["media"].slice(0, 0)}, dropped=(drop,))


def _drop_row(unit: str, before: int, result: StageResult) -> StageResult:
    drop = Drop(row_id=f"{unit}-n0001", reason=DropReason.NOT_DESCRIPTIVE, message="0.1")
    return StageResult(tables=result.tables, dropped=(drop,))


def _warn(unit: str, before: int, result: StageResult) -> StageResult:
    warning = StageWarning(kind=WarningKind.CUT_SHORT, item=unit, message="2 s are not there")
    return StageResult(tables=result.tables, warnings=(warning,))


def _break_schema(unit: str, before: int, result: StageResult) -> StageResult:
    return StageResult(tables={"media": table("media", media_row(1, video_id=unit, width=0))})


def _write_for_another(unit: str, before: int, result: StageResult) -> StageResult:
    return StageResult(tables={"media": table("media", media_row(1, video_id="other"))})


def _write_undeclared(unit: str, before: int, result: StageResult) -> StageResult:
    return StageResult(tables={**result.tables, "titles": table("titles")})


def _bug(unit: str, before: int, result: StageResult) -> StageResult:
    raise RuntimeError(f"a bug met {unit}")


def _die(unit: str, before: int, result: StageResult) -> StageResult:
    os.kill(os.getpid(), 9)
    return result


def _closed(until_s: float) -> _Act:
    def act(unit: str, before: int, result: StageResult) -> StageResult:
        if before:
            return result
        kind, message = FailureKind.BLOCKED, "example.org is closed"
        raise HostClosedError("example.org", until_s, kind, message)

    return act


def _no_room(unit: str, before: int, result: StageResult) -> StageResult:
    if before:
        return result
    raise ItemError(FailureKind.DISK_FULL, f"{unit} does not fit")


_Act = Callable[[str, int, StageResult], StageResult]
_ACTS: dict[str, _Act] = {
    "slow": _sleep,
    "fail": _fail(FailureKind.UNREADABLE, 99),
    "fail once": _fail(FailureKind.UNREADABLE, 1),
    "blocked once": _fail(FailureKind.BLOCKED, 1),
    "closed": _closed(0.0),
    "closed for long": _closed(4e9),
    "no room": _no_room,
    "flaky": _fail(FailureKind.NETWORK, 2),
    "network down": _fail(FailureKind.NETWORK, 99),
    "wait a little": _fail(FailureKind.RATE_LIMITED, 1, 7.5),
    "wait for hours": _fail(FailureKind.RATE_LIMITED, 1, 7200.0),
    "drop": _drop,
    "drop row": _drop_row,
    "warn": _warn,
    "break schema": _break_schema,
    "write for another": _write_for_another,
    "write undeclared": _write_undeclared,
    "bug": _bug,
    "die": _die,
}


def name(videos: pa.Table, media: pa.Table, *, config: ToyConfig) -> StageResult:
    (video,) = videos.to_pylist()
    assert media.num_rows == 1
    _log(config, "name", video["video_id"])
    if video["title"] == "unnameable":
        raise ItemError(FailureKind.EMPTY, "no name fits")
    if video["title"] == "dropped":
        drop = Drop(row_id=video["video_id"], reason=DropReason.NOT_SURGICAL, message="dropped")
        return StageResult(tables={"titles": table("titles")}, dropped=(drop,))
    row = title_row(1, video_id=video["video_id"], title=video["title"] + config.suffix)
    return StageResult(tables={"titles": table("titles", row)})


def split(titles: pa.Table, *, config: ToyConfig) -> StageResult:
    units = titles.column("video_id").to_pylist()
    _log(config, "split", ",".join(units))
    rows = [split_row(1, video_id=u, split="test" if u.endswith("t") else "train") for u in units]
    return StageResult(tables={"splits": table("splits", *rows)})


def mark(
    titles: pa.Table, splits: pa.Table, previous: dict[str, pa.Table], *, config: ToyConfig
) -> StageResult:
    (title,) = titles.to_pylist()
    assert splits.num_rows == 1
    reason = "no_narration" if previous["routes"].num_rows else "speech"  # Tells a second call.
    _log(config, "mark", title["video_id"])
    if title["title"].startswith("unmarkable"):
        raise ItemError(FailureKind.DECODE_ERROR, "no mark sticks")
    row = route_row(1, video_id=title["video_id"], reason=reason)
    return StageResult(tables={"routes": table("routes", row)})


def card(read: Callable[..., pa.Table], *, config: ToyConfig, folder: Path) -> StageResult:
    _log(config, "card", "all")
    titles = read("titles", ["video_id", "title"])
    for row in titles.to_pylist():
        assert read("routes", video_ids=[row["video_id"]]).num_rows == 1
        (folder / f"{row['video_id']}.txt").write_text(row["title"])
    return StageResult(tables={})


STAGES = (
    StageSpec(
        name="list",
        version=1,
        scope=Scope.LINE,
        run=list_videos,
        settings=ToyConfig,
        help="",
        writes=("sources", "line_videos", "videos"),
    ),
    StageSpec(
        name="fetch",
        version=1,
        scope=Scope.UNIT,
        run=fetch,
        settings=ToyConfig,
        help="",
        reads={"videos": ("video_id", "location")},
        writes=("media",),
        ports={"tool": f"{HERE}:tool"},
        pinned=("tool",),
        pool=Pool.NETWORK,
    ),
    StageSpec(
        name="name",
        version=1,
        scope=Scope.UNIT,
        run=name,
        settings=ToyConfig,
        help="",
        reads={"videos": ("video_id", "title"), "media": ("video_id", "sha256")},
        writes=("titles",),
    ),
    StageSpec(
        name="split",
        version=1,
        scope=Scope.CORPUS,
        run=split,
        settings=ToyConfig,
        help="",
        reads={"titles": ("video_id",)},
        writes=("splits",),
    ),
    StageSpec(
        name="mark",
        version=1,
        scope=Scope.UNIT,
        run=mark,
        settings=ToyConfig,
        help="",
        reads={"titles": ("video_id", "title"), "splits": ("video_id", "split")},
        writes=("routes",),
        previous=("routes",),
    ),
    StageSpec(
        name="card",
        version=1,
        scope=Scope.EXPORT,
        run=card,
        settings=ToyConfig,
        help="",
        reads={"titles": ("video_id", "title"), "routes": ("video_id",)},
    ),
)
