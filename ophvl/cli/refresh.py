"""The command that checks whether the videos of a dataset can still be had."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from ophvl.cli import options
from ophvl.cli.inspect import open_store
from ophvl.cli.run import FAILED_AND_RECORDED


def refresh(
    out: options.Out = options.DEFAULT_OUT,
    older_than: Annotated[
        float, typer.Option("--older-than", min=0, help="Days since the last check of a video.")
    ] = 30.0,
    cookies: options.Cookies = None,
) -> None:
    """Ask, without fetching anything, which videos can still be had; add to table availability."""
    from collections import Counter

    from ophvl.availability import AVAILABLE, CheckRow, latest
    from ophvl.availability import refresh as check
    from ophvl.cli.run import Job
    from ophvl.report.terminal import printable
    from pipelines.ports import downloader

    store = open_store(out)
    config = Job(out=out, cookies=cookies).configs()["discover"]

    def told(row: CheckRow) -> None:
        if row.state != AVAILABLE:
            typer.echo(printable(f"{row.video_id}: {row.message}"), err=True)

    asked, held = check(
        store,
        downloader(config, store.root),  # type: ignore[arg-type]  # The section's own type.
        older_than=timedelta(days=older_than),
        told=told,
    )
    states = Counter(row.state for row in latest(store).values())
    ordered = sorted(states.items(), key=lambda one: (-one[1], one[0]))
    listed = ", ".join(f"{count} {state}" for state, count in ordered) or "none"
    typer.echo(f"asked for {sum(asked.values())} video(s); by the last check of each: {listed}")
    for err in {err.host: err for err in held}.values():
        count = sum(other.host == err.host for other in held)
        typer.echo(printable(f"{count} video(s) wait: {err}"), err=True)
    if held:
        raise typer.Exit(FAILED_AND_RECORDED)
