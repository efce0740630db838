"""The command that turns terms into a source list to look through, before anything is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ophvl.cli import options
from ophvl.cli.job import FAILED_AND_RECORDED, Job
from ophvl.cli.stop import told_when_stopped
from ophvl.errors import ItemError

if TYPE_CHECKING:
    from ophvl.sources.search_results import SearchReport, Section


@told_when_stopped()
def discover(
    terms: Annotated[
        Path,
        typer.Option(
            "--terms",
            help="One term a line; also a concept (surgery:phacoemulsification) or all of a kind "
            "(kind:surgery).",
        ),
    ],
    to: Annotated[Path, typer.Option("--to", help="The list to write, or to go on with.")] = Path(
        "list.txt"
    ),
    per_term: Annotated[
        int, typer.Option("--per-term", min=1, help="Videos to take of each answer.")
    ] = 20,
    search: Annotated[
        str | None,
        typer.Option(
            "--search",
            metavar="URL",
            help="Another site's search page or feed, with {terms} where the term goes; "
            "YouTube's search if left out.",
        ),
    ] = None,
    suffix: Annotated[
        str, typer.Option("--suffix", help="Added to terms that do not hold it; '' for nothing.")
    ] = "surgery",
    out: Annotated[
        Path, typer.Option("--out", help="The dataset folder whose pace of requests is kept.")
    ] = options.DEFAULT_OUT,
    cookies: options.Cookies = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the list, whatever it is, and ask all anew.")
    ] = False,
) -> None:
    """Search for terms and list what is found, with titles and verdicts; fetch nothing.

    Where the list exists, only terms that it does not hold are asked, whatever site the others were asked of.
    """
    from ophvl.report.terminal import printable
    from ophvl.sources import search_results
    from ophvl.sources.search_terms import Search, read_terms
    from pipelines.wiring import downloader, matcher

    by = Search(per_term=per_term, suffix=suffix, address=search)
    job = Job(out=out, cookies=cookies)
    config = job.settings()["discover"]
    ontology_matcher = matcher(config, job.root)
    wanted = read_terms(terms, ontology_matcher.ontology)

    def told(term: str, result: Section | ItemError) -> None:
        if isinstance(result, ItemError):
            typer.echo(printable(f"{term}: {result.kind}, told at the end"), err=True)
        else:
            typer.echo(printable(f"{term}: {result}"))

    searched = search_results.search(
        wanted,
        to,
        by=by,
        downloader=downloader(config, job.root),  # type: ignore[arg-type]  # The section's own type.
        matcher=ontology_matcher,
        force=force,
        on_result=told,
    )
    _summarise(searched, to)


def _summarise(searched: SearchReport, to: Path) -> None:
    from ophvl.report.terminal import printable

    listed = sum(section.listed for section in searched.sections)
    no_surgery = sum(section.not_surgical for section in searched.sections)
    earlier = f", {searched.earlier} were on the list already" if searched.earlier else ""
    typer.echo(
        printable(
            f"{to}: {len(searched.sections)} term(s) answered{earlier}; {listed} new video(s), and "
            f"{no_surgery} that are no surgery"
        )
    )
    for term, err in searched.failed:
        typer.echo(printable(f"failed: {term}: {err.kind}: {err}"), err=True)
    if searched.failed:
        typer.echo("run the same command again to ask just the terms that failed", err=True)
    if searched.closed:
        typer.echo(printable(f"{searched.deferred} term(s) wait: {searched.closed}"), err=True)
    if searched.failed or searched.closed:
        raise typer.Exit(FAILED_AND_RECORDED)
    if searched.earlier and not searched.sections:
        typer.echo(
            f"no site was asked: {to} answers these terms, whatever --search they were asked with; name "
            "another list with --to to ask them anew",
            err=True,
        )
    if not searched.earlier and not listed:
        typer.echo("no video was found: try other terms, or another --search", err=True)
    else:
        typer.echo(f"look it through, then: ophvl ingest --source {to}")
