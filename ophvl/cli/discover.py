"""The command that turns search terms into a source list to review, before anything is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ophvl.cli import options
from ophvl.cli.job import FAILED_AND_RECORDED, Job
from ophvl.cli.stop import message_when_stopped
from ophvl.errors import ItemError

if TYPE_CHECKING:
    from ophvl.sources.search_results import SearchReport, Section


@message_when_stopped()
def discover(
    terms: Annotated[
        Path,
        typer.Option(
            "--terms",
            help="One term a line; also a concept (surgery:phacoemulsification) or all of a kind "
            "(kind:surgery).",
        ),
    ],
    to: Annotated[Path, typer.Option("--to", help="The list to write or to add to.")] = Path(
        "list.txt"
    ),
    per_term: Annotated[
        int, typer.Option("--per-term", min=1, help="Videos to take from each result page.")
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
        str, typer.Option("--suffix", help="Word to add to terms that lack it; '' for none.")
    ] = "surgery",
    out: Annotated[
        Path, typer.Option("--out", help="The dataset folder that counts requests to hosts.")
    ] = options.DEFAULT_OUT,
    cookies: options.Cookies = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the list, and search for all terms again.")
    ] = False,
) -> None:
    """Search for terms and list the videos, with titles and verdicts; fetch nothing.

    Terms that the list already has are not searched for again, on whatever site they were.
    """
    from ophvl.report.terminal import printable
    from ophvl.sources import search_results
    from ophvl.sources.search_terms import Search, read_terms
    from pipelines.wiring import downloader, matcher

    by = Search(per_term=per_term, suffix=suffix, address=search)
    job = Job(out=out, cookies=cookies)
    config = job.settings()["discover"]
    ontology_matcher = matcher(config, job.root)
    queries = read_terms(terms, ontology_matcher.ontology)

    def print_result(term: str, result: Section | ItemError) -> None:
        if isinstance(result, ItemError):
            typer.echo(printable(f"{term}: {result.kind}; see the end"), err=True)
        else:
            typer.echo(printable(f"{term}: {result}"))

    searched = search_results.search(
        queries,
        to,
        by=by,
        downloader=downloader(config, job.root),  # type: ignore[arg-type]  # The section's own type.
        matcher=ontology_matcher,
        force=force,
        on_result=print_result,
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
        typer.echo("run the same command again to repeat just the terms that failed", err=True)
    if searched.closed:
        typer.echo(printable(f"{searched.deferred} term(s) wait: {searched.closed}"), err=True)
    if searched.failed or searched.closed:
        raise typer.Exit(FAILED_AND_RECORDED)
    if searched.earlier and not searched.sections:
        typer.echo(
            f"nothing was searched for: {to} already has these terms, whatever --search they were used with; "
            "name another list with --to to search for them again",
            err=True,
        )
    if not searched.earlier and not listed:
        typer.echo("no videos: try other terms, or another --search", err=True)
    else:
        typer.echo(f"review it, then: ophvl ingest --source {to}")
