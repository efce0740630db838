"""The `ophvl` command. Each command parses, calls the library and prints; nothing else.

Exit codes: 0 all handled; 3 some items failed and are recorded; 2 usage, configuration or the machine; 1 a
bug; 130 and 143 stopped by Ctrl-C and by SIGTERM.
"""

from __future__ import annotations

import typer

from ophvl import __version__
from ophvl.cli import config, discover, doctor, inspect, language, refresh, review, run
from ophvl.cli.stop import end_on_sigterm
from ophvl.errors import OphvlError
from ophvl.faults import errors_in_words

app = typer.Typer(
    help="Turn eye-surgery videos into a hierarchical video-text dataset.",
    epilog="Exit codes: 0 all handled; 3 some items failed and are recorded; 2 usage, "
    "configuration or the machine; 1 a bug; 130 and 143 stopped by Ctrl-C and by SIGTERM.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"ophvl {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    pass


app.command("doctor")(doctor.doctor)
app.command("discover")(discover.discover)
app.command("ingest")(run.ingest)
app.command("build-pairs")(run.build_pairs)
app.command("retry")(run.retry)
app.command("refresh")(refresh.refresh)
app.command("stats")(inspect.stats)
app.command("status")(inspect.status)
app.command("show")(inspect.show)
app.command("run")(run.run)
app.command("check")(inspect.check)
app.command("describe")(inspect.describe)
app.command("config")(config.config_command)
app.command("annotate")(language.annotate)
app.command("title")(language.title)
app.add_typer(review.app, name="review")


def main() -> None:
    """Run the command line; errors that are explained in words are printed without a traceback."""
    end_on_sigterm()
    with errors_in_words(OphvlError, extra="curate"):
        app()
