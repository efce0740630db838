"""One call of a command that runs stages: its settings, its run, and how it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from ophvl.cli import options
from ophvl.cli.folder import open_store, print_message
from ophvl.cli.stop import message_when_stopped
from ophvl.errors import UsageError

if TYPE_CHECKING:
    from ophvl.config import Layer, Resolved, Settings
    from ophvl.dataset.store import Store
    from ophvl.report.failures import Failure
    from ophvl.report.funnel import Funnel
    from ophvl.run.options import RunOptions
    from ophvl.run.runner import Runner
    from ophvl.stage import SourceLine
    from pipelines.stages.frames import FramesConfig
    from schemas.vocab import FailureKind

FAILED_AND_RECORDED = 3


@dataclass(frozen=True, kw_only=True)
class Job:
    """One call of a command that runs stages."""

    out: Path
    config: Path | None = None
    overrides: Sequence[str] = ()
    flags: Mapping[str, Mapping[str, Mapping[str, object]]] = field(default_factory=dict)
    """Values that options of their own set: option to section to key to value."""
    cookies: Path | None = None
    lists: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """Lists of the user's that join those of the folder."""
    kinds: frozenset[FailureKind] = frozenset()
    """Failures to try again, and nothing else; empty for a run of everything."""
    wait: bool = False

    @property
    def root(self) -> Path:
        """The absolute path of the dataset folder."""
        return Path(os.path.realpath(self.out))

    def names(self, span: tuple[str, str]) -> list[str]:
        """Return the stages from the first to the last of a range."""
        from pipelines.registry import MODULES

        return _range(span, list(MODULES))

    def settings(self) -> Mapping[str, Settings]:
        """Return the settings of every stage: defaults, the folder's, the file's, --set, then flags."""
        return self.resolved().settings

    def resolved(self) -> Resolved:
        """Return the settings of every stage, and where each value comes from."""
        from ophvl.config import resolve_layers
        from pipelines.registry import settings_classes

        return resolve_layers(settings_classes(), self._layers())

    def _layers(self) -> list[Layer]:
        from ophvl.config import Layer, parse_override, read_layer

        saved = self.root / "config.toml"
        files = [*([saved] if saved.exists() else []), *([self.config] if self.config else [])]
        layers = [*map(read_layer, files), *map(parse_override, self.overrides)]
        flags = dict(self.flags)
        if self.cookies:
            from ophvl.download.cookies import read_cookies

            read_cookies(self.cookies)  # A file that cannot be read is refused before any request.
            cookies = {"cookies": str(self.cookies)}
            flags["--cookies"] = {"discover": cookies, "download": cookies}
        return layers + [Layer(origin=name, values=values) for name, values in flags.items()]

    def options(self, workers: int, **others: object) -> RunOptions:
        """Return the options of a run; `workers` 0 is one a GPU if there are any, else one a core.

        Raises:
            UsageError: there is no Ray cluster at the address, or the engine is not Ray.
        """
        from ophvl.run.options import RunOptions

        if others.get("address") is not None:
            _check_cluster(str(others["address"]), str(others["engine"]))
        if not workers and others.get("engine") != "ray":
            workers = _gpus() or min(os.cpu_count() or 1, 8)
        return RunOptions(workers=workers, **others)  # type: ignore[arg-type]  # The commands' own.

    @message_when_stopped()
    def run(
        self,
        spans: Sequence[Sequence[str]],
        run_options: RunOptions,
        *,
        source: Path | None = None,
        onward: str | None = None,
    ) -> None:
        """Run ranges of stages one after another, print the funnel, and end with the right code.

        `onward` is the command for the stages after these.
        """
        from ophvl.atomic_io import write_text
        from ophvl.cli.progress import make_reporter
        from ophvl.config import to_toml
        from ophvl.lock import SETTINGS, lock_partitions, mutex
        from ophvl.report.failures import read_failures, warning_lines
        from ophvl.report.funnel import count_funnel
        from ophvl.report.terminal import funnel_lines
        from ophvl.run.runner import Runner
        from ophvl.sources.blocklists import add
        from ophvl.sources.source_list import read_source_list

        settings = self.settings()
        names = [name for span in spans for name in span]
        lines: list[SourceLine] = []
        if spans[0][0] != "discover" or self.kinds:
            store = open_store(self.root)
        elif source is None:
            raise UsageError("stage discover reads a source list; name one with --source list.txt")
        else:
            lines = read_source_list(source, print_message)
            store = open_store(self.root, must_exist=False)
        if not self.kinds:
            _check_inputs(store, names, settings, run_options)
        excluded = self._excluded_from_retry(store)
        with (
            make_reporter() as reporter,
            lock_partitions(self.root, run_options.partitions, reporter.note),
        ):
            with mutex(self.root, SETTINGS, reporter.note):
                for file, sources in self.lists.items():
                    for path in sources:
                        new = add(self.root, file, path)
                        reporter.note(f"{file}: {new} line(s) of {path} are new")
            runner = Runner(store, settings, run_options, reporter)
            runner.pin(names)
            with mutex(self.root, SETTINGS, reporter.note):
                # Only now, so that settings that are refused are not saved.
                write_text(self.root / "config.toml", to_toml(settings))
            self._go(runner, spans, lines)
            while self.wait and runner.deferred:
                _sleep_until(min(err.until_s for err in runner.deferred.values()), reporter.note)
                runner.deferred.clear()
                self._go(runner, spans, lines)
        funnel = count_funnel(store)
        for line in funnel_lines(funnel):
            typer.echo(line)
        waiting = runner.deferred or funnel.lines.pending
        if onward and not waiting and _pend_elsewhere(funnel, names):
            typer.echo(f"next: {onward}")
        for line in warning_lines(store, names):
            typer.echo(line, err=True)
        failures = [one for one in read_failures(store) if one.stage in names]
        failures = [one for one in failures if (one.stage, one.unit) not in excluded]
        _exit_if_unfinished(failures, runner)

    def _excluded_from_retry(self, store: Store) -> set[tuple[str, str]]:
        """Return stage and unit of the failures that a retry of some kinds does not try."""
        from ophvl.report.failures import read_failures

        failures = read_failures(store) if self.kinds else []
        return {(one.stage, one.unit) for one in failures if one.kind not in self.kinds}

    def _go(
        self, runner: Runner, spans: Sequence[Sequence[str]], lines: Sequence[SourceLine]
    ) -> None:
        for names in spans:
            if self.kinds:
                runner.retry(names, self.kinds)
            else:
                runner.run(names, lines)


def _check_inputs(
    store: Store,
    names: Sequence[str],
    settings: Mapping[str, Settings],
    run_options: RunOptions,
) -> None:
    """Check before the first stage that the stages will have what they read.

    Raises:
        UsageError: videos or their pictures are missing.
    """
    from ophvl.report.readiness import require_pictures, require_videos

    if names[0] != "discover":
        require_videos(store)
    if "frames" in names:
        pictures = cast("FramesConfig", settings["frames"])
        only, parts = run_options.only, run_options.partitions
        require_pictures(store, names, pictures, only=only, parts=parts)


def _pend_elsewhere(funnel: Funnel, stages: Sequence[str]) -> bool:
    """Return whether videos wait for other stages alone."""
    pending = {stage.stage for stage in funnel.stages if stage.pending}
    return bool(pending) and pending.isdisjoint(stages)


def _check_cluster(address: str, engine: str) -> None:
    """Check the address before a list is expanded, not when the first video needs a worker."""
    from ophvl.run.executors.ray_cluster import ping

    if engine != options.Engine.RAY:
        raise UsageError(
            f"--address {address} names a Ray cluster; add --engine ray, or leave it out"
        )
    ping(address)


def _gpus() -> int:
    """Return the number of GPUs that speech recognition can use."""
    try:
        import ctranslate2
    except ImportError:
        return 0
    return int(ctranslate2.get_cuda_device_count())


def _sleep_until(at_s: float, note: object) -> None:
    from ophvl.download.rate_limiter import local_time

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


def _exit_if_unfinished(failures: Sequence[Failure], runner: Runner) -> None:
    """Print failures and waiting items; if there are any, exit with the code for them."""
    from ophvl.report.failures import failure_lines, waiting_lines

    messages = failure_lines(one for one in failures if one.unit not in runner.deferred)
    messages += waiting_lines([*runner.deferred.values()], "line(s) or video(s)")
    for line in messages:
        typer.echo(line, err=True)
    if messages:
        raise typer.Exit(FAILED_AND_RECORDED)
