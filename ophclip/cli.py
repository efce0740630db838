"""The `ophclip` command line: reads options, calls the library, prints. Loads torch only at need."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ophclip import __version__
from ophclip.errors import ConfigError, OphclipError

app = typer.Typer(
    help="Train and evaluate OphCLIP: video-language pretraining for eye surgery.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
evaluation = typer.Typer(help="Evaluate a trained model.", no_args_is_help=True)
app.add_typer(evaluation, name="eval")

RUNS = Path("runs")


def main() -> None:
    """Entry point. Ends with code 2 on faults that the user can mend."""
    try:
        app()
    except OphclipError as err:
        sys.stderr.write(f"error: {err}\n")
        sys.exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ophclip {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train and evaluate OphCLIP: video-language pretraining for eye surgery."""


@app.command("train")
def train_command(
    shards: Annotated[Path, typer.Option(help="Dataset folder, or its shards folder.")],
    preset: Annotated[
        str | None,
        typer.Option(help="tiny or paper; by default the one that fits this machine."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder that gets a folder for the new run.")] = RUNS,
    config: Annotated[Path | None, typer.Option(help="TOML file with changed settings.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="One changed setting, section.key=value; may be repeated."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Run folder to continue, with the config that it has.")
    ] = None,
) -> None:
    """Pretrain on clips with narrations, and videos with titles."""
    from ophclip import presets
    from ophclip.checkpoint import read_config
    from ophclip.config import change

    if resume is not None:
        if preset or config or changes:
            raise ConfigError(
                "--resume continues with the run's own config; leave out --preset, --config and --set"
            )
        if not (resume / "config.toml").is_file():
            raise ConfigError(f"{resume} is no run folder: it has no config.toml")
        run, name, settings = resume, "", read_config(resume / "config.toml")
        typer.echo(f"resuming {run}")
    else:
        if preset is None:
            name, why = presets.choose()
            typer.echo(f"preset {name}: {why}")
        else:
            name = preset
        if name not in presets.PRESETS:
            raise ConfigError(f"no preset '{name}'; there are {', '.join(presets.PRESETS)}")
        settings = change(
            presets.PRESETS[name](), files=[config] if config else [], overrides=changes or []
        )
        run = _new_run(out, name)
    from ophclip.train import train

    saved = train(
        settings,
        shards_folder=shards,
        run=run,
        preset=name,
        resume=resume is not None,
        say=typer.echo,
    )
    typer.echo(f"checkpoint: {saved}")


@evaluation.command("zero-shot")
def zero_shot_command(
    labels: Annotated[Path, typer.Option(help="Parquet table of labels with task phase.")],
    shards: Annotated[Path, typer.Option(help="Dataset folder with the labelled videos' frames.")],
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Checkpoint, run, or folder of runs (its newest); by default runs."),
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Prompt file (TOML); by default the one that comes along.")
    ] = None,
    window_s: Annotated[
        float, typer.Option(min=0.0, help="Frames within this many seconds are averaged.")
    ] = 5.0,
    out: Annotated[
        Path | None, typer.Option(help="Result file (JSON); by default in the run's eval folder.")
    ] = None,
) -> None:
    """Classify surgical phases from sentences alone, frame by frame."""
    from ophclip.checkpoint import find
    from ophclip.report import evaluate_phases, table

    chosen = find(checkpoint or RUNS)
    typer.echo(f"checkpoint: {chosen}")
    result, written = evaluate_phases(
        chosen, labels=labels, shards_folder=shards, prompts=prompts, window_s=window_s, out=out
    )
    typer.echo(table(result))
    typer.echo(f"result: {written}")


def _new_run(out: Path, preset: str) -> Path:
    """A folder of its own for a new run, named by time (UTC) and preset."""
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{preset}"
    for number in range(1, 1000):
        run = out / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            run.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as err:
            raise ConfigError(f"cannot make the run folder {run}: {err.strerror}") from err
        return run
    raise ConfigError(f"{out} already holds 999 runs of {stamp}; give another --out")
