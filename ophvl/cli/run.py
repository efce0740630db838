"""Commands that run stages: ingest, build-pairs, run, retry."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ophvl.cli import options
from ophvl.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ophvl.parts import Parts
    from ophvl.runner import Runner, RunOptions
    from ophvl.stage import SourceLine
    from ophvl.store import Store
    from pipelines.config import DownloadConfig
    from schemas.vocab import FailureKind

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
    from ophvl.parts import ALL_PARTS, Parts
    from pipelines.registry import INGEST

    overrides = [*(set_ or ())]
    if assume_surgical:
        overrides += ["download.assume_surgical=true", "title.assume_surgical=true"]
    if keep_media is not None:
        overrides.append(f"keep.media={json.dumps(keep_media.value)}")
    job = Job(out=out, config=config, overrides=overrides, cookies=cookies)
    job = replace(job, lists={"block.txt": block or (), "exclude.txt": exclude or ()}, wait=wait)
    if dry_run:
        _forecast(job, source, Parts.share(parts) if parts else ALL_PARTS, limit)
        return
    run_options = job.options(
        workers, downloads=downloads, force=force, repin=repin, limit=limit,
        engine=engine.value, address=address,
        **({"parts": Parts.share(parts)} if parts else {}),
    )  # fmt: skip
    job.run([job.names(INGEST)], run_options, source=source)


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
    from ophvl.parts import Parts

    first, dots, last = stages.partition("..")
    job = Job(out=out, config=config, overrides=set_ or (), cookies=cookies)
    run_options = job.options(
        workers, downloads=downloads, only=tuple(only or ()), force=force, repin=repin,
        engine=engine.value, address=address,
        **({"parts": Parts.share(parts)} if parts else {}),
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
    cookies: options.Cookies = None,
    repin: options.Repin = False,
) -> None:
    """Try again just the lines and videos that failed for one of these reasons."""
    from pipelines.registry import BUILD_PAIRS, INGEST
    from schemas.vocab import FailureKind

    known = [str(one) for one in FailureKind]
    unknown = sorted(set(kind) - set(known))
    if unknown:
        raise UsageError(f"there is no kind '{unknown[0]}'; kinds are {', '.join(known)}")
    kinds = frozenset(map(FailureKind, kind))
    job = Job(out=out, config=config, overrides=set_ or (), cookies=cookies, kinds=kinds)
    spans = [job.names(INGEST), job.names(BUILD_PAIRS)]
    job.run(spans, job.options(workers, downloads=downloads, repin=repin))


@dataclass(frozen=True, kw_only=True)
class Job:
    """One call of a command that runs stages."""

    out: Path
    config: Path | None = None
    overrides: Sequence[str] = ()
    cookies: Path | None = None
    lists: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """Lists of the user's that join those of the folder."""
    kinds: frozenset[FailureKind] = frozenset()
    """Failures to try again, and nothing else; empty for a run of everything."""
    wait: bool = False

    @property
    def root(self) -> Path:
        return self.out.resolve()

    def names(self, span: tuple[str, str]) -> list[str]:
        """The stages from the first to the last of a range."""
        from pipelines.registry import STAGES

        return _range(span, [spec.name for spec in STAGES])

    def configs(self) -> dict[str, DataclassInstance]:
        """The settings: defaults, then those of the folder, of the file, of the command."""
        from ophvl.config import resolve
        from pipelines.config import CONFIGS

        saved = self.root / "config.toml"
        files = [saved if saved.exists() else None, self.config]
        overrides = [*self.overrides]
        if self.cookies:
            from ophvl.backends.cookies import read_cookies

            read_cookies(self.cookies)  # Before anything is asked with them.
            text = json.dumps(str(self.cookies.expanduser().absolute()))
            overrides += [f"{stage}.cookies={text}" for stage in ("discover", "download")]
        return resolve(
            CONFIGS, files=[path for path in files if path is not None], overrides=overrides
        )

    def options(self, workers: int, **others: object) -> RunOptions:
        """`workers` 0 is one a core, or one a GPU where there are any: each holds a model."""
        from ophvl.runner import RunOptions

        if not workers and others.get("engine") != "ray":
            workers = _gpus() or min(os.cpu_count() or 1, 8)
        return RunOptions(workers=workers, **others)  # type: ignore[arg-type]  # The commands' own.

    def run(
        self, spans: Sequence[Sequence[str]], run_options: RunOptions, *, source: Path | None = None
    ) -> None:
        """Run ranges of stages one after another, print the funnel, and end with the right code."""
        from ophvl.accounts import take_account
        from ophvl.atomic import write_text
        from ophvl.cli.progress import make_reporter
        from ophvl.config import to_toml
        from ophvl.lists import add
        from ophvl.lock import locked
        from ophvl.report.terminal import funnel_lines
        from ophvl.runner import Runner
        from ophvl.sources import read_source_list
        from ophvl.store import Store
        from pipelines.registry import STAGES

        configs = self.configs()
        store = Store(self.root, STAGES)
        lines: list[SourceLine] = []
        if spans[0][0] != "discover" or self.kinds:
            store.require()
        elif source is None:
            raise UsageError("stage discover reads a source list; name one with --source list.txt")
        else:
            lines = read_source_list(source)
        with (
            make_reporter() as reporter,
            locked(self.root, run_options.parts, reporter.note),
        ):
            for file, sources in self.lists.items():
                for path in sources:
                    reporter.note(f"{file}: {add(self.root, file, path)} line(s) of {path} are new")
            runner = Runner(store, configs, run_options, reporter)
            runner.pin([name for names in spans for name in names])
            # Only now: settings that were refused are not kept.
            write_text(self.root / "config.toml", to_toml(configs))
            self._go(runner, spans, lines)
            while self.wait and runner.held:
                _sleep_until(min(held.until_s for held in runner.held.values()), reporter.note)
                runner.held = {}
                self._go(runner, spans, lines)
        for line in funnel_lines(take_account(store)):
            typer.echo(line)
        _exit_if_anything_is_left(store, runner, [name for names in spans for name in names])

    def _go(
        self, runner: Runner, spans: Sequence[Sequence[str]], lines: Sequence[SourceLine]
    ) -> None:
        for names in spans:
            if self.kinds:
                runner.retry(names, self.kinds)
            else:
                runner.run(names, lines)


def _gpus() -> int:
    """GPUs that recognition can use."""
    try:
        import ctranslate2
    except ImportError:
        return 0
    return int(ctranslate2.get_cuda_device_count())


def _forecast(job: Job, source: Path, parts: Parts, limit: int | None) -> None:
    from ophvl.lists import Lists
    from ophvl.report.forecast import forecast, forecast_lines
    from ophvl.sources import read_source_list
    from ophvl.store import Store
    from pipelines.registry import STAGES

    found = forecast(
        Store(job.root, STAGES),
        read_source_list(source),
        cast("DownloadConfig", job.configs()["download"]),
        lists=Lists(job.root, more=job.lists),
        parts=parts,
        limit=limit,
    )
    for line in forecast_lines(found):
        typer.echo(line)


def _sleep_until(at_s: float, note: object) -> None:
    from ophvl.backends.pacer import local_time

    assert callable(note)
    note(f"waiting until {local_time(at_s)}; Ctrl-C ends the run, and nothing is lost")
    time.sleep(max(0.0, at_s - time.time()))


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


def _exit_if_anything_is_left(store: Store, runner: Runner, names: Sequence[str]) -> None:
    """Tell what failed and what waits; if there is anything, end with the code that says so."""
    from ophvl.report.terminal import printable

    failures = store.read("failures", ["stage", "unit", "kind", "message"]).to_pylist()
    failures = [row for row in failures if row["stage"] in names]
    for row in failures[:20]:
        told = f"failed at {row['stage']}: {row['unit']}: {row['kind']}: {row['message']}"
        typer.echo(printable(told), err=True)
    if len(failures) > 20:
        typer.echo(f"and {len(failures) - 20} more; see table failures", err=True)
    waiting = Counter(held.host for held in runner.held.values())
    hosts = {held.host: held for held in runner.held.values()}
    for host, held in sorted(hosts.items()):
        typer.echo(printable(f"{waiting[host]} line(s) or video(s) wait: {held}"), err=True)
    if failures or hosts:
        raise typer.Exit(FAILED_AND_RECORDED)
