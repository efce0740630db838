"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
Force = Annotated[bool, typer.Option("--force", help="Do again what is already done.")]
Workers = Annotated[
    int, typer.Option("--workers", min=0, help="Processes to work in; 0 for one a core.")
]
Repin = Annotated[
    bool, typer.Option("--repin", help="Accept other models than the folder was made with.")
]
AssumeSurgical = Annotated[
    bool,
    typer.Option("--assume-surgical", help="Keep videos whose titles say they are not surgery."),
]

DEFAULT_OUT = Path("out")
