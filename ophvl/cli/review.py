"""Commands for review by people: `ophvl review export`, `ophvl review import`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ophvl.cli import options
from ophvl.errors import UsageError

if TYPE_CHECKING:
    from ophvl.review.verdicts import Review

app = typer.Typer(
    help="Let people judge narrations, corrections and attributes, and learn how right they are.",
    no_args_is_help=True,
)

SHEET = "sheet"


class Stratify(StrEnum):
    """How a sheet is drawn."""

    KIND = "kind"
    NONE = "none"


@app.command("export")
def export(
    out: options.Out = options.DEFAULT_OUT,
    n: Annotated[int, typer.Option("--n", min=1, help="Readings to judge.")] = 200,
    stratify: Annotated[
        Stratify, typer.Option(help="kind: equally many of each kind; none: as they occur.")
    ] = Stratify.KIND,
    seed: Annotated[int, typer.Option(help="Another seed draws another sheet.")] = 0,
    name: Annotated[str, typer.Option(help="File name of the sheet, without ending.")] = SHEET,
) -> None:
    """Write a sheet to judge, as CSV and as one HTML page, to the folder's review/."""
    from ophvl.atomic_io import write_text
    from ophvl.cli.folder import open_store
    from ophvl.cli.job import Job
    from ophvl.review import page, sheet
    from pipelines.stages.pair import PairConfig

    if Path(name).name != name:
        raise UsageError(f"--name {name}: give a file name, not a path")
    store = open_store(out)
    csv_path = store.root / "review" / f"{name}.csv"
    if csv_path.exists():
        raise UsageError(f"{csv_path} exists and may hold judgements; choose another with --name")
    pair = cast(PairConfig, Job(out=out).settings()["pair"])
    readings = sheet.readings(
        store.read("narrations"),
        store.read("attributes"),
        min_descriptive_score=pair.min_descriptive_score,
    )
    items = sheet.draw(readings, n, stratified=stratify is Stratify.KIND, seed=seed)
    if not items:
        raise UsageError(f"{out} holds no narrations yet; run `ophvl build-pairs` first")
    write_text(csv_path, sheet.to_csv(items))
    write_text(csv_path.with_suffix(".html"), page.render(items))
    typer.echo(f"{len(items)} readings to judge: {csv_path}, {csv_path.with_suffix('.html')}")


@app.command("import")
def import_(
    sheets: Annotated[list[Path], typer.Argument(help="Judged sheets, one for each reader.")],
    out: options.Out = options.DEFAULT_OUT,
) -> None:
    """Print precision by kind and the agreement of reviewers; leave out readings that are wrong."""
    from ophvl.cli.folder import open_store
    from ophvl.dataset.overrides import FILE, Overrides, write_overrides
    from ophvl.lock import lock_partitions
    from ophvl.review.sheet import from_csv
    from ophvl.review.verdicts import review

    store = open_store(out)
    path = store.root / FILE
    judged = [item for sheet in sheets for item in from_csv(sheet)]
    known = set(store.read("videos").column("video_id").to_pylist())
    if unknown := sorted({item.video_id for item in judged} - known):
        raise UsageError(
            f"the sheets judge {len(unknown)} video(s) that are not in {out}, such as {unknown[0]!r}; "
            "name the folder they were exported from with --out"
        )
    result = review(judged)
    if not result.precision:
        raise UsageError(
            "no reading is judged right or wrong yet; fill in the column 'judgement' "
            "with right, wrong or unsure"
        )
    for line in _lines(result):
        typer.echo(line)
    with lock_partitions(store.root):
        rows = Overrides(path).updated(result.wrong, result.right)
        write_overrides(path, rows)
    typer.echo(
        f"\n{len(rows)} reading(s) are now left out ({path}); run `ophvl build-pairs` to apply"
    )


def _lines(result: Review) -> list[str]:
    lines = [f"{'kind':<15}{'right':>6}{'judged':>8}{'precision':>11}   95 % interval"]
    lines += [
        f"{p.stratum:<15}{p.right:>6}{p.judged:>8}{p.share:>11.3f}   {p.low:.3f} to {p.high:.3f}"
        for p in result.precision
    ]
    if result.overall is not None:
        lines.append(f"{'all, weighted by how often each occurs':<29}{result.overall:>11.3f}")
    for a in result.agreement:
        kappa = "undefined" if a.kappa is None else f"{a.kappa:.2f}"
        names = " and ".join(reader or "(no name)" for reader in a.readers)
        lines.append(f"{names} agree on {a.share:.1%} of {a.items} readings, kappa {kappa}")
    if result.disputed:
        lines.append(f"{len(result.disputed)} disputed reading(s) change nothing:")
        lines += [
            f"  {i.item_id} {i.stratum}: {i.surface!r} -> {i.value!r}" for i in result.disputed
        ]
    return lines
