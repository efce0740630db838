"""Commands that run stages: ingest, build-pairs, run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ophvl.cli import options
from ophvl.errors import UsageError

if TYPE_CHECKING:
    from ophvl.store import Store

FAILED_AND_RECORDED = 3

Source = Annotated[
    Path, typer.Option("--source", help="Text file with one URL, file or folder a line.")
]


def ingest(
    source: Source,
    out: options.Out = options.DEFAULT_OUT,
    config: options.Config = None,
    set_: options.Set = None,
    workers: options.Workers = 0,
    force: options.Force = False,
    repin: options.Repin = False,
    assume_surgical: options.AssumeSurgical = False,
) -> None:
    """Discover, fetch, probe and transcribe the videos of a list."""
    from pipelines.registry import INGEST

    overrides = [*(set_ or ())]
    if assume_surgical:
        overrides += ["download.assume_surgical=true", "title.assume_surgical=true"]
    _run(INGEST, out, config, overrides, workers=workers, force=force, repin=repin, source=source)


def build_pairs(
    out: options.Out = options.DEFAULT_OUT,
    config: options.Config = None,
    set_: options.Set = None,
    workers: options.Workers = 0,
    force: options.Force = False,
) -> None:
    """Segment, tag, title, split, pair and shard what was ingested."""
    from pipelines.registry import BUILD_PAIRS

    _run(BUILD_PAIRS, out, config, set_ or (), workers=workers, force=force)


def run(
    stages: Annotated[str, typer.Argument(help="STAGE or STAGE..STAGE, e.g. segment..pair.")],
    out: options.Out = options.DEFAULT_OUT,
    source: Annotated[
        Path | None, typer.Option("--source", help="The list that stage discover reads.")
    ] = None,
    config: options.Config = None,
    set_: options.Set = None,
    only: options.Only = None,
    workers: options.Workers = 0,
    force: options.Force = False,
    repin: options.Repin = False,
) -> None:
    """Run one stage, or a range of stages."""
    first, dots, last = stages.partition("..")
    _run(
        (first, last if dots else first),
        out,
        config,
        set_ or (),
        workers=workers,
        force=force,
        repin=repin,
        source=source,
        only=only or (),
    )


def _run(
    span: tuple[str, str],
    out: Path,
    config: Path | None,
    overrides: Sequence[str],
    *,
    workers: int,
    force: bool,
    repin: bool = False,
    source: Path | None = None,
    only: Sequence[str] = (),
) -> None:
    from ophvl.accounts import take_account
    from ophvl.atomic import write_text
    from ophvl.cli.progress import make_reporter
    from ophvl.config import resolve, to_toml
    from ophvl.lock import locked
    from ophvl.report.terminal import funnel_lines
    from ophvl.runner import Runner, RunOptions
    from ophvl.sources import read_source_list
    from ophvl.store import Store
    from pipelines.config import CONFIGS
    from pipelines.registry import STAGES

    names = _range(span, [spec.name for spec in STAGES])
    out = out.resolve()
    saved = out / "config.toml"
    files = [path for path in (saved if saved.exists() else None, config) if path is not None]
    configs = resolve(CONFIGS, files=files, overrides=overrides)
    store = Store(out, STAGES)
    if names[0] == "discover":
        if source is None:
            raise UsageError("stage discover reads a source list; name one with --source list.txt")
        lines = read_source_list(source)
    else:
        store.require()
        lines = []
    run_options = RunOptions(
        only=tuple(only), force=force, workers=workers or min(os.cpu_count() or 1, 8), repin=repin
    )
    with locked(out), make_reporter() as reporter:
        runner = Runner(store, configs, run_options, reporter)
        runner.pin(names)
        write_text(saved, to_toml(configs))  # Only now: settings that were refused are not kept.
        runner.run(names, lines)
    for line in funnel_lines(take_account(store)):
        typer.echo(line)
    _exit_if_failed(store, names)


def _range(span: tuple[str, str], known: list[str]) -> list[str]:
    for name in span:
        if name not in known:
            import difflib

            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"stages are {', '.join(known)}"
            raise UsageError(f"there is no stage '{name}'; {hint}")
    first, last = known.index(span[0]), known.index(span[1])
    if first > last:
        raise UsageError(f"stage {span[0]} comes after {span[1]}; write {span[1]}..{span[0]}")
    return known[first : last + 1]


def _exit_if_failed(store: Store, names: Sequence[str]) -> None:
    from ophvl.report.terminal import printable

    failures = store.read("failures", ["stage", "unit", "kind", "message"]).to_pylist()
    failures = [row for row in failures if row["stage"] in names]
    if not failures:
        return
    for row in failures[:20]:
        told = f"failed at {row['stage']}: {row['unit']}: {row['kind']}: {row['message']}"
        typer.echo(printable(told), err=True)
    if len(failures) > 20:
        typer.echo(f"and {len(failures) - 20} more; see table failures", err=True)
    raise typer.Exit(FAILED_AND_RECORDED)
