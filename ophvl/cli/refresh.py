"""The command that checks which videos of a dataset are still available."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Annotated

import typer

from ophvl.cli import options
from ophvl.cli.folder import open_store
from ophvl.cli.job import FAILED_AND_RECORDED
from ophvl.cli.stop import message_when_stopped


@message_when_stopped()
def refresh(
    out: options.Out = options.DEFAULT_OUT,
    older_than: Annotated[
        float, typer.Option("--older-than", min=0, help="Days since the last check of a video.")
    ] = 30.0,
    cookies: options.Cookies = None,
) -> None:
    """Check, without fetching, which videos are still available; add to table availability."""
    from ophvl.cli.job import Job
    from ophvl.report.failures import waiting_lines
    from ophvl.report.terminal import printable
    from ophvl.run.availability import AVAILABLE, INCONCLUSIVE, latest
    from ophvl.run.availability import refresh as check
    from pipelines.wiring import downloader
    from schemas.availability import AvailabilityRow

    store = open_store(out)
    config = Job(out=out, cookies=cookies).settings()["discover"]

    def print_unavailable(row: AvailabilityRow) -> None:
        if row.state != AVAILABLE:
            typer.echo(printable(f"{row.video_id}: {row.message}"), err=True)

    checked, deferred = check(
        store,
        downloader(config, store.root),  # type: ignore[arg-type]  # The section's own type.
        older_than=timedelta(days=older_than),
        on_check=print_unavailable,
    )
    counted = _listed(Counter(row.state for row in latest(store).values()))
    typer.echo(f"checked {sum(checked.values())} video(s); by the last check of each: {counted}")
    inconclusive = Counter(
        {state: count for state, count in checked.items() if state in INCONCLUSIVE}
    )
    if inconclusive:
        typer.echo(
            f"{sum(inconclusive.values())} check(s) were inconclusive ({_listed(inconclusive)}); run the "
            "same command again to repeat just those",
            err=True,
        )
    for line in waiting_lines(deferred, "video(s)"):
        typer.echo(line, err=True)
    if inconclusive or deferred:
        raise typer.Exit(FAILED_AND_RECORDED)


def _listed(states: Counter[str]) -> str:
    ordered = sorted(states.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{count} {state}" for state, count in ordered) or "none"
