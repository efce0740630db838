"""The command that checks whether the videos of a dataset can still be had."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Annotated

import typer

from ophvl.cli import options
from ophvl.cli.inspect import open_store
from ophvl.cli.job import FAILED_AND_RECORDED
from ophvl.cli.stop import told_when_stopped


@told_when_stopped()
def refresh(
    out: options.Out = options.DEFAULT_OUT,
    older_than: Annotated[
        float, typer.Option("--older-than", min=0, help="Days since the last check of a video.")
    ] = 30.0,
    cookies: options.Cookies = None,
) -> None:
    """Ask, without fetching anything, which videos can still be had; add to table availability."""
    from ophvl.cli.job import Job
    from ophvl.report.failures import waiting_lines
    from ophvl.report.terminal import printable
    from ophvl.run.availability import AVAILABLE, INCONCLUSIVE, latest
    from ophvl.run.availability import refresh as check
    from pipelines.wiring import downloader
    from schemas.availability import AvailabilityRow

    store = open_store(out)
    config = Job(out=out, cookies=cookies).settings()["discover"]

    def told(row: AvailabilityRow) -> None:
        if row.state != AVAILABLE:
            typer.echo(printable(f"{row.video_id}: {row.message}"), err=True)

    asked, held = check(
        store,
        downloader(config, store.root),  # type: ignore[arg-type]  # The section's own type.
        older_than=timedelta(days=older_than),
        on_check=told,
    )
    counted = _listed(Counter(row.state for row in latest(store).values()))
    typer.echo(f"asked for {sum(asked.values())} video(s); by the last check of each: {counted}")
    in_vain = Counter({state: count for state, count in asked.items() if state in INCONCLUSIVE})
    if in_vain:
        typer.echo(
            f"{sum(in_vain.values())} check(s) told nothing of their videos ({_listed(in_vain)}); run the "
            "same command again to ask just for those",
            err=True,
        )
    for line in waiting_lines(held, "video(s)"):
        typer.echo(line, err=True)
    if in_vain or held:
        raise typer.Exit(FAILED_AND_RECORDED)


def _listed(states: Counter[str]) -> str:
    ordered = sorted(states.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{count} {state}" for state, count in ordered) or "none"
