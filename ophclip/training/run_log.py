"""The log of a run: `metrics.jsonl` (every step), TensorBoard, Weights & Biases if a project is named,
and a progress bar or plain lines.

A terminal gets a bar; a file or pipe gets a line every `log_every` steps.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from ophclip.errors import ConfigError
from ophvl.faults import naming, reading

METRICS = "metrics.jsonl"

LogFn = Callable[[str], None]
"""Gets a line for the person who watches a run."""


class RunLog:
    """Open for the length of a run; a context manager."""

    def __init__(self, run: Path, *, start: int, total: int, log_every: int, wandb: str) -> None:
        self._wandb = _open_wandb(wandb, run) if wandb else None
        self._run = run
        self._every = log_every
        self._total = total
        self._began_s = time.monotonic()
        self._start = start
        _cut(run / METRICS, start)
        self._latest: dict[str, tuple[int, Mapping[str, float]]] = {}
        self._metrics = (run / METRICS).open("a", encoding="utf-8")
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=start or None)
        self._console = Console(file=sys.stdout, soft_wrap=True, highlight=False)
        self._bar: Progress | None = None
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("training"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
                console=self._console,
            )
            self._task = self._bar.add_task("", total=total, completed=start)

    def __enter__(self) -> RunLog:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()
        with ExitStack() as closing:  # A full disk fails each of them, and all are closed.
            closing.enter_context(naming(self._run))
            closing.callback(self._board.close)
            closing.callback(self._metrics.close)
        if self._wandb is not None:
            self._wandb.finish(exit_code=0 if error is None else 1)

    def step(self, step: int, level: str, values: Mapping[str, float]) -> None:
        """Record one finished step (counted from 0)."""
        with naming(self._run):
            self._record(step, level, values)

    def _record(self, step: int, level: str, values: Mapping[str, float]) -> None:
        self._metrics.write(json.dumps({"step": step, "level": level, **values}) + "\n")
        done = step + 1
        # Levels alternate by a ratio: the steps that are shown may all be of one level.
        self._latest[level] = (step, values)
        losses = ", ".join(
            f"{name} {v['loss']:.3f}" for name, (_, v) in sorted(self._latest.items())
        )
        summary = f"loss {losses}  lr {values['lr']:.2e}"
        if self._bar:
            self._bar.update(self._task, completed=done, description=summary)
        if done % self._every and done != self._total:
            return
        self._metrics.flush()
        for shown, (at, latest) in self._latest.items():
            for name, value in latest.items():
                self._board.add_scalar(f"{shown}/{name}", value, at)
            if self._wandb is not None:
                figures = {f"{shown}/{name}": value for name, value in latest.items()}
                self._wandb.log({**figures, "step": at})
        if not self._bar:
            passed_s = time.monotonic() - self._began_s
            left_s = passed_s / (done - self._start) * (self._total - done)
            self._print(
                f"step {done}/{self._total}  {summary}  {passed_s:.0f} s, {left_s:.0f} s left"
            )

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False)


def _open_wandb(project: str, run: Path) -> Any:
    """Open the run of that project that is named as the run's folder, to go on where it ended.

    Raises:
        ConfigError: the package is not installed.
    """
    try:
        import wandb
    except ImportError as err:
        raise ConfigError(
            "train.wandb names a project, but Weights & Biases is not installed: pip install wandb"
        ) from err
    return wandb.init(project=project, name=run.name, id=run.name, dir=run, resume="allow")


def _cut(path: Path, start: int) -> None:
    """Drop the lines of steps that a resumed run will do again, and a line cut short by a crash."""
    if not path.is_file():
        return
    with reading(path, "correct the line, or delete the file: the run goes on without its history"):
        whole = path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
        retained = [line for line in whole if json.loads(line)["step"] < start]
    with naming(path):
        path.write_text("".join(f"{line}\n" for line in retained), encoding="utf-8")
