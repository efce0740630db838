"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from schemas.vocab import MediaForm


class Engine(StrEnum):
    """What runs the workers."""

    LOCAL = "local"
    RAY = "ray"


Out = Annotated[Path, typer.Option("--out", help="The dataset folder.")]
Config = Annotated[
    Path | None, typer.Option("--config", help="TOML file with one section a stage.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="STAGE.KEY=VALUE", help="Set one value; may be repeated."),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="VIDEO_ID", help="Just this video; may be repeated."),
]
Force = Annotated[bool, typer.Option("--force", help="Repeat finished work too.")]
Workers = Annotated[
    int,
    typer.Option(
        "--workers", min=0, help="Worker processes; 0 for one a GPU, or one a core without GPUs."
    ),
]
Downloads = Annotated[
    int, typer.Option("--downloads", min=0, help="Downloads at a time; limits per host stay.")
]
EngineName = Annotated[
    Engine, typer.Option("--engine", help="This machine, or a Ray cluster that shares the folder.")
]
Address = Annotated[
    str | None,
    typer.Option("--address", help="The Ray cluster, e.g. auto; none starts one on this machine."),
]
PartsOf = Annotated[
    str | None,
    typer.Option("--parts", metavar="K/N", help="A share of the videos, for jobs of an array."),
]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="Most videos to process in this run.")
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Print what would be fetched, how long and how large; do nothing."
    ),
]
Wait = Annotated[
    bool,
    typer.Option("--wait", help="Wait when a host refuses requests for hours, instead of ending."),
]
KeepMedia = Annotated[
    MediaForm | None,
    typer.Option("--keep-media", help="What is left of a fetched video once it is transcribed."),
]
Cookies = Annotated[
    Path | None,
    typer.Option("--cookies", help="Cookie file for sites that need a login; never saved."),
]
Block = Annotated[
    list[Path] | None,
    typer.Option(
        "--block", help="List of videos and channels that were taken down; added to the folder's."
    ),
]
Exclude = Annotated[
    list[Path] | None,
    typer.Option(
        "--exclude", help="List of videos that models are evaluated on; added to the folder's."
    ),
]
Repin = Annotated[
    bool,
    typer.Option("--repin", help="Accept other models than those that the folder was built with."),
]
AssumeSurgical = Annotated[
    bool,
    typer.Option("--assume-surgical", help="Keep videos whose titles say they are not surgery."),
]

DEFAULT_OUT = Path("out")
