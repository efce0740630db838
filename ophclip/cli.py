"""The `ophclip` command line: read options, call the library, print. A command imports torch when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ophclip.errors import ConfigError, OphclipError
from ophclip.version import __version__
from ophvl.errors import OphvlError
from ophvl.faults import errors_in_words, remedy

if TYPE_CHECKING:
    from ophclip.inference.pretrained import Pretrained
    from ophvl.config import Layer

app = typer.Typer(
    help="Train, evaluate and use OphCLIP: video-language pretraining for eye surgery.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
evaluation = typer.Typer(help="Evaluate a trained model.", no_args_is_help=True)
app.add_typer(evaluation, name="eval")

RUNS = Path("runs")
EMBEDDINGS = Path("embeddings")

CheckpointOption = Annotated[
    Path | None,
    typer.Option(help="Checkpoint, run, or folder of runs (its newest); by default runs."),
]


def main() -> None:
    """Run the command line; end with code 2 and a message on what the user or the machine can mend."""
    with errors_in_words(OphclipError, OphvlError, extra="train"):
        app()


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"ophclip {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train, evaluate and use OphCLIP: video-language pretraining for eye surgery."""


@app.command("train")
def train_command(
    shards: Annotated[Path, typer.Option(help="Dataset folder, or its shards folder.")],
    preset: Annotated[
        str | None,
        typer.Option(help="tiny or paper; by default the one that fits this machine."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder in which the run's folder is created.")] = RUNS,
    config: Annotated[Path | None, typer.Option(help="TOML file with changed settings.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="One changed setting, section.key=value; may be repeated."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Run folder to continue, with its own config.")
    ] = None,
) -> None:
    """Pretrain on clips with narrations, and videos with titles; `torchrun -m ophclip train` on many GPUs."""
    from ophclip.training.distributed import join
    from ophclip.training.loop import train
    from ophclip.training.settings import choose, read_run_config, resolve

    if resume is not None:
        if preset or config or changes:
            raise ConfigError(
                "--resume continues with the run's own config; leave out --preset, --config and --set"
            )
        if not (resume / "config.toml").is_file():
            raise ConfigError(
                f"{resume} is not a run folder, it has no config.toml; give one from {RUNS}"
            )
        name, why, settings = "", f"resuming {resume}", read_run_config(resume / "config.toml")
    else:
        name, why = (preset, "as requested") if preset else choose()
        settings = resolve(_layers(name, config, changes or []))
        why = f"preset {name}: {why}"

    with join(settings.train.device) as group:
        if group.is_main:
            typer.echo(why)
        saved = train(
            settings,
            shards_folder=shards,
            run=resume or group.from_main(lambda: _new_run(out, name)),
            preset=name,
            resume=resume is not None,
            log=typer.echo,
            group=group,
        )
        if group.is_main:
            typer.echo(f"checkpoint: {saved}")


@app.command("config")
def config_command(
    preset: Annotated[
        str | None,
        typer.Option(help="tiny or paper; by default the one that fits this machine."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with changed settings.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="One changed setting, section.key=value; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the tables of docs/settings.md.")
    ] = False,
) -> None:
    """Print every setting with its meaning, unit, default and value, and where the value comes from."""
    from ophclip.training.settings import SECTIONS, choose, resolve_with_origins
    from ophvl import settings_text

    name = preset or choose()[0]
    resolved = resolve_with_origins(_layers(name, config, changes or []))
    if as_json:
        typer.echo(settings_text.as_json(SECTIONS, resolved))
    elif as_markdown:
        typer.echo(settings_text.as_markdown(SECTIONS, resolved), nl=False)
    else:
        typer.echo(settings_text.as_terminal(SECTIONS, resolved))


@evaluation.command("zero-shot")
def zero_shot_command(
    labels: Annotated[Path, typer.Option(help="Parquet table of labels with task phase.")],
    shards: Annotated[Path, typer.Option(help="Dataset folder with the labelled videos' frames.")],
    checkpoint: CheckpointOption = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Prompt file (TOML); by default the packaged one.")
    ] = None,
    window_s: Annotated[
        float,
        typer.Option(min=0.0, help="Length in seconds of the window averaged around a frame."),
    ] = 5.0,
    out: Annotated[
        Path | None, typer.Option(help="Result file (JSON); by default in the run's eval folder.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Classify the surgical phase of every labelled frame, without training on labels."""
    from ophclip.evaluation.report import evaluate_phases, format_table
    from ophclip.model.weights import find

    chosen = find(checkpoint or RUNS)
    typer.echo(f"checkpoint: {chosen}")
    result, path = evaluate_phases(
        chosen,
        labels=labels,
        shards_folder=shards,
        prompts=prompts,
        window_s=window_s,
        out=out,
        device=device,
    )
    typer.echo(format_table(result))
    typer.echo(f"result: {path}")


@app.command("embed")
def embed_command(
    shards: Annotated[Path, typer.Option(help="Dataset folder, or its shards folder.")],
    checkpoint: CheckpointOption = None,
    to: Annotated[Path, typer.Option(help="Folder for the embeddings.")] = EMBEDDINGS,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Embed every clip and video into Parquet files; an interrupted run continues where it stopped."""
    from ophclip.data.shards import open_shards
    from ophclip.inference.embed import ROWS, WINDOWS, write_embeddings

    opened = open_shards(shards, cached_groups=1)
    source = _pretrained(checkpoint, device)
    write_embeddings(source, opened, to, log=typer.echo)
    typer.echo(f"embeddings: {to / ROWS}, {to / WINDOWS}")


@app.command("search")
def search_command(
    query: Annotated[str, typer.Argument(help="What to look for, as text.")],
    shards: Annotated[Path, typer.Option(help="Dataset folder, or its shards folder.")],
    checkpoint: CheckpointOption = None,
    count: Annotated[int, typer.Option("-k", help="How many results.")] = 10,
    html: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Also write the results as an HTML page with images."),
    ] = None,
    embeddings: Annotated[
        Path,
        typer.Option(
            help="Folder that `ophclip embed` wrote; used if it fits checkpoint and shards."
        ),
    ] = EMBEDDINGS,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Find clips, and windows of silent videos, by text."""
    from ophclip.data.shards import open_shards
    from ophclip.inference.search import check_query, format_hit, search

    check_query(query, count)
    opened = open_shards(shards, cached_groups=1)
    source = _pretrained(checkpoint, device)
    hits = search(source, opened, query, count=count, embeddings=embeddings, log=typer.echo)
    for rank, hit in enumerate(hits, start=1):
        typer.echo(format_hit(rank, hit))
    if html is not None:
        from ophclip.inference.search_page import write_page

        write_page(html, query, hits, opened, checkpoint=source.sha256)
        typer.echo(f"page: {html}")


@app.command("export")
def export_command(
    to: Annotated[Path, typer.Option(help="New folder for model, code and model card.")],
    checkpoint: CheckpointOption = None,
    licence: Annotated[
        str, typer.Option(help="Licence of the weights, for the model card.")
    ] = "other",
) -> None:
    """Write a folder that Hugging Face transformers loads without ophclip."""
    from ophclip.inference.export import export

    source = _pretrained(checkpoint, "cpu")
    export(source, to, licence=licence)
    typer.echo(f"exported: {to}")


def _layers(preset: str, file: Path | None, changes: Sequence[str]) -> list[Layer]:
    """Return the layers that the settings of a new run come from."""
    from ophclip.presets import PRESETS
    from ophvl.config import parse_override, read_layer

    if preset not in PRESETS:
        raise ConfigError(f"no preset '{preset}'; there are {', '.join(PRESETS)}")
    files = [read_layer(file)] if file else []
    return [PRESETS[preset], *files, *map(parse_override, changes)]


def _pretrained(checkpoint: Path | None, device: str) -> Pretrained:
    """Load the model of a command, print its checkpoint, and set the fastest number of threads."""
    import torch

    from ophclip.device import pick_threads
    from ophclip.inference import pretrained

    source = pretrained.read(checkpoint or RUNS, device=device)
    typer.echo(f"checkpoint: {source.folder}")
    torch.set_num_threads(pick_threads())
    return source


def _new_run(out: Path, preset: str) -> Path:
    """Create a folder for a new run, named by time (UTC) and preset."""
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{preset}"
    for number in range(1, 1000):
        run = out / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            run.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as err:
            raise ConfigError(f"cannot create the run folder {run}: {remedy(err)}") from err
        return run
    raise ConfigError(f"{out} already holds 999 runs of {stamp}; give another --out")
