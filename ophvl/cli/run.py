"""Commands that run stages: ingest, build-pairs, run, retry."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ophvl.cli import options
from ophvl.cli.folder import open_store, print_message
from ophvl.cli.job import Job
from ophvl.errors import UsageError
from schemas.vocab import MediaForm

if TYPE_CHECKING:
    from ophvl.partitions import Partitions

Source = Annotated[
    Path, typer.Option("--source", help="Text file with one URL, file or folder a line.")
]


def ingest(
    source: Source,
    out: options.Out = options.DEFAULT_OUT,
    config: options.Config = None,
    set_: options.Set = None,
    workers: options.Workers = 0,
    downloads: options.Downloads = 4,
    engine: options.EngineName = options.Engine.LOCAL,
    address: options.Address = None,
    parts: options.PartsOf = None,
    limit: options.Limit = None,
    dry_run: options.DryRun = False,
    wait: options.Wait = False,
    keep_media: options.KeepMedia = None,
    cookies: options.Cookies = None,
    block: options.Block = None,
    exclude: options.Exclude = None,
    force: options.Force = False,
    repin: options.Repin = False,
    assume_surgical: options.AssumeSurgical = False,
) -> None:
    """Discover, fetch, probe and transcribe the videos of a list."""
    from ophvl.partitions import ALL_PARTITIONS, Partitions
    from pipelines.registry import INGEST

    flags: dict[str, dict[str, dict[str, object]]] = {}
    if assume_surgical:
        surgical: dict[str, object] = {"assume_surgical": True}
        flags["--assume-surgical"] = {"download": surgical, "title": surgical}
    if keep_media is not None:
        flags["--keep-media"] = {"keep": {"media": keep_media.value}}
    job = Job(
        out=out,
        config=config,
        overrides=set_ or (),
        flags=flags,
        cookies=cookies,
        lists={"block.txt": block or (), "exclude.txt": exclude or ()},
        wait=wait,
    )
    if keep_media is MediaForm.ALL:
        _note_deleted_media(job)
    if dry_run:
        _forecast(job, source, Partitions.share(parts) if parts else ALL_PARTITIONS, limit, force)
        return
    run_options = job.options(
        workers, downloads=downloads, force=force, repin=repin, limit=limit,
        engine=engine.value, address=address,
        **({"partitions": Partitions.share(parts)} if parts else {}),
    )  # fmt: skip
    folder = "" if out == options.DEFAULT_OUT else f" --out {shlex.quote(str(out))}"
    job.run([job.names(INGEST)], run_options, source=source, onward=f"ophvl build-pairs{folder}")


def build_pairs(
    out: options.Out = options.DEFAULT_OUT,
    config: options.Config = None,
    set_: options.Set = None,
    workers: options.Workers = 0,
    engine: options.EngineName = options.Engine.LOCAL,
    address: options.Address = None,
    force: options.Force = False,
) -> None:
    """Segment, tag, title, split, pair and shard what was ingested."""
    from pipelines.registry import BUILD_PAIRS

    job = Job(out=out, config=config, overrides=set_ or ())
    run_options = job.options(workers, force=force, engine=engine.value, address=address)
    job.run([["admit"], job.names(BUILD_PAIRS)], run_options)


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
    downloads: options.Downloads = 4,
    engine: options.EngineName = options.Engine.LOCAL,
    address: options.Address = None,
    parts: options.PartsOf = None,
    cookies: options.Cookies = None,
    force: options.Force = False,
    repin: options.Repin = False,
) -> None:
    """Run one stage, or a range of stages."""
    from ophvl.partitions import Partitions

    first, dots, last = stages.partition("..")
    job = Job(out=out, config=config, overrides=set_ or (), cookies=cookies)
    run_options = job.options(
        workers, downloads=downloads, only=tuple(only or ()), force=force, repin=repin,
        engine=engine.value, address=address,
        **({"partitions": Partitions.share(parts)} if parts else {}),
    )  # fmt: skip
    job.run([job.names((first, last if dots else first))], run_options, source=source)


def retry(
    kind: Annotated[
        list[str], typer.Option("--kind", help="A kind of failure, e.g. timeout; may be repeated.")
    ],
    out: options.Out = options.DEFAULT_OUT,
    config: options.Config = None,
    set_: options.Set = None,
    workers: options.Workers = 0,
    downloads: options.Downloads = 4,
    engine: options.EngineName = options.Engine.LOCAL,
    address: options.Address = None,
    parts: options.PartsOf = None,
    limit: options.Limit = None,
    wait: options.Wait = False,
    cookies: options.Cookies = None,
    repin: options.Repin = False,
) -> None:
    """Try again just the lines and videos that failed for one of these reasons."""
    from ophvl.partitions import Partitions, partition_of
    from ophvl.report.failures import read_failures
    from pipelines.registry import BUILD_PAIRS, INGEST
    from schemas.vocab import FailureKind

    known = [str(one) for one in FailureKind]
    unknown = sorted(set(kind) - set(known))
    if unknown:
        raise UsageError(f"there is no kind '{unknown[0]}'; kinds are {', '.join(known)}")
    kinds = frozenset(map(FailureKind, kind))
    job = Job(out=out, config=config, overrides=set_ or (), cookies=cookies, kinds=kinds, wait=wait)
    job.settings()  # Wrong settings are an error, whether anything failed or not.
    run_options = job.options(
        workers, downloads=downloads, repin=repin, limit=limit,
        engine=engine.value, address=address,
        **({"partitions": Partitions.share(parts)} if parts else {}),
    )  # fmt: skip
    failures = read_failures(open_store(out))
    failed = Counter(
        one.kind for one in failures if partition_of(one.unit) in run_options.partitions
    )
    if not kinds & failed.keys():
        counts = ", ".join(f"{name} {count}" for name, count in sorted(failed.items()))
        typer.echo(
            f"nothing failed for {', '.join(sorted(kinds))}; failures are: {counts or 'none'}"
        )
        return
    job.run([job.names(INGEST), job.names(BUILD_PAIRS)], run_options)


def _note_deleted_media(job: Job) -> None:
    """Print how many videos earlier runs reduced: `--keep-media all` does not restore them."""
    kept = open_store(job.root, must_exist=False).read("kept", ["form"]).column("form").to_pylist()
    reduced = Counter(form for form in kept if form != MediaForm.ALL)
    if reduced:
        forms = ", ".join(f"{form} {count}" for form, count in sorted(reduced.items()))
        print_message(
            f"{reduced.total()} video(s) were reduced before ({forms}); --keep-media all fetches "
            "none of them again, and applies to videos fetched from now on"
        )


def _forecast(job: Job, source: Path, parts: Partitions, limit: int | None, force: bool) -> None:
    from ophvl.report.forecast import forecast, forecast_lines
    from ophvl.sources.blocklists import BlockLists
    from ophvl.sources.source_list import read_source_list

    expected = forecast(
        open_store(job.root, must_exist=False),
        read_source_list(source, print_message),
        job.settings(),
        lists=BlockLists(job.root, more=job.lists),
        parts=parts,
        limit=limit,
        force=force,
    )
    for line in forecast_lines(expected):
        typer.echo(line)
