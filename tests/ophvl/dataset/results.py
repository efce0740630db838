"""Two stages without functions, and results of theirs to commit."""

from __future__ import annotations

from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.stage import Scope, StageSpec
from tests.factories import media_row, table, title_row, video_id
from tests.ophvl.toy_stages import ToyConfig, fetch

AT = "2026-01-01T00:00:00+00:00"

STAGES = (
    StageSpec(
        name="fetch",
        version=1,
        scope=Scope.UNIT,
        run=fetch,
        settings=ToyConfig,
        help="",
        writes=("media", "titles"),
    ),
    StageSpec(
        name="frames",
        version=1,
        scope=Scope.UNIT,
        run=fetch,
        settings=ToyConfig,
        help="",
        writes=("frames",),
    ),
)


def entry_of(n: int, stage: str = "fetch", outcome: EntryOutcome = EntryOutcome.EMITTED) -> Entry:
    return Entry(stage=stage, unit=video_id(n), fingerprint="f", outcome=outcome, at=AT)


def put(store: Store, n: int, **changes: object) -> None:
    """Commit media and title of video `n`."""
    tables = {
        "media": table("media", media_row(n, **changes)),
        "titles": table("titles", title_row(n)),
    }
    store.commit(entry_of(n), tables)


def retract(store: Store, n: int) -> None:
    store.commit(entry_of(n, outcome=EntryOutcome.RETRACTED), {})


def ids(store: Store, *arguments: object) -> list[str]:
    """The videos of table `media`."""
    read: list[str] = store.read("media", *arguments).column("video_id").to_pylist()  # type: ignore[arg-type]
    return read
