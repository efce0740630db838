"""The command that prints all settings."""

from __future__ import annotations

from typing import Annotated

import typer

from ophvl.cli import options
from ophvl.cli.job import Job


def config_command(
    out: options.Out = options.DEFAULT_OUT,
    config: options.Config = None,
    set_: options.Set = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the tables of docs/settings.md.")
    ] = False,
) -> None:
    """Print every setting with its meaning, unit, default and value, and where the value comes from."""
    from ophvl import settings_text
    from pipelines.registry import settings_classes

    sections = settings_classes()
    resolved = Job(out=out, config=config, overrides=set_ or ()).resolved()
    if as_json:
        typer.echo(settings_text.as_json(sections, resolved))
    elif as_markdown:
        typer.echo(settings_text.as_markdown(sections, resolved), nl=False)
    else:
        typer.echo(settings_text.as_terminal(sections, resolved))
