"""Commands that look at a dataset folder: stats, status, show, check, describe."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ophvl.cli import options
from ophvl.cli.folder import open_store
from ophvl.errors import SchemaError, UsageError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def stats(out: options.Out = options.DEFAULT_OUT, as_json: AsJson = False) -> None:
    """Show the funnel and the statistics; write them as stats.json and stats.html too."""
    from ophvl.atomic_io import write_text
    from ophvl.report.page import render
    from ophvl.report.statistics import gather
    from ophvl.report.terminal import funnel_lines, statistics_lines

    store = open_store(out)
    statistics = gather(store)
    text = json.dumps(statistics.to_plain(), indent=2, ensure_ascii=False)
    write_text(store.root / "stats.json", text + "\n")
    write_text(store.root / "stats.html", render(statistics))
    if as_json:
        typer.echo(text)
        return
    for line in [*funnel_lines(statistics.funnel), "", *statistics_lines(statistics)]:
        typer.echo(line)
    typer.echo(f"\nwritten: {store.root / 'stats.json'}, {store.root / 'stats.html'}")


def status(out: options.Out = options.DEFAULT_OUT, as_json: AsJson = False) -> None:
    """Show what became of every line and video, what failed where, and how long the rest will take."""
    from dataclasses import asdict

    from ophvl.report.funnel import count_funnel
    from ophvl.report.pace import measure_pace, pace_lines
    from ophvl.report.terminal import funnel_lines

    store = open_store(out)
    funnel, pace = count_funnel(store), measure_pace(store)
    if as_json:
        plain = {
            **asdict(funnel.units),
            "by_kind": funnel.by_kind,
            "by_reason": funnel.by_reason,
            "by_warning": funnel.by_warning,
            "lines": asdict(funnel.lines),
            "stages": [asdict(stage) for stage in funnel.stages],
            "pace": asdict(pace),
        }
        typer.echo(json.dumps(plain, indent=2))
        return
    for line in [*funnel_lines(funnel), *pace_lines(pace)]:
        typer.echo(line)


def show(
    video_id: Annotated[str, typer.Argument(help="A source video, e.g. youtube_dQw4w9WgXcQ.")],
    out: options.Out = options.DEFAULT_OUT,
) -> None:
    """Follow one video through all stages."""
    from ophvl.report.video import video_lines

    for line in video_lines(open_store(out), video_id):
        typer.echo(line)


def check(out: options.Out = options.DEFAULT_OUT) -> None:
    """Check every table and shard of a dataset folder: schemas, keys, times, hashes."""
    from ophvl.report.integrity import check_folder

    violations = check_folder(open_store(out))
    if violations:
        raise SchemaError(f"{out} breaks its schemas in {len(violations)} way(s)", violations)
    typer.echo(f"{out}: all tables and shards keep their schemas")


def describe(
    table: Annotated[str | None, typer.Argument(help="A table; none lists all of them.")] = None,
) -> None:
    """Print a table's schema, with the meaning and unit of each column."""
    from schemas.catalogue import TABLES

    if table is None:
        for spec in TABLES.values():
            typer.echo(f"{spec.name:<18}{spec.meaning}")
        return
    if table not in TABLES:
        raise UsageError(f"there is no table '{table}'; tables are {', '.join(TABLES)}")
    spec = TABLES[table]
    typer.echo(f"{spec.name}, version {spec.version}: {spec.meaning}")
    typer.echo(f"primary key: {', '.join(spec.primary_key)}")
    for key in spec.foreign_keys:
        typer.echo(f"foreign key: {key.column} -> {key.parent}.{key.parent_column}")
    typer.echo("")
    for column in spec.columns:
        unit = f" [{column.unit}]" if column.unit else ""
        null = ", may be null" if column.nullable else ""
        typer.echo(
            f"{column.name:<22}{_type_name(column.arrow)}{null}\n{'':<22}{column.meaning}{unit}"
        )
    for rule in spec.all_rules:
        typer.echo(f"rule: {rule.column}: {rule.expects}")


def _type_name(type_: object) -> str:
    return str(type_).replace("list<item: ", "list<")
