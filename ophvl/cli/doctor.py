"""The command that checks what is installed, and prints how to install what is missing."""

from __future__ import annotations

import json

import typer

from ophvl.cli import options
from ophvl.cli.inspect import AsJson


def doctor(out: options.Out = options.DEFAULT_OUT, as_json: AsJson = False) -> None:
    """Check what is installed and what this machine can do; one line a check, with the remedy.

    Ends with code 2 where a command cannot do its work.
    """
    from dataclasses import asdict

    from ophvl.doctor import FindingState, examine
    from ophvl.errors import UsageError
    from ophvl.report.terminal import printable

    findings = examine(out)
    problems = [finding for finding in findings if finding.state is FindingState.PROBLEM]
    if as_json:
        plain = {"problems": len(problems), "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(plain, indent=2))
    else:
        for finding in findings:
            remedy = f" -> {finding.mend}" if finding.mend else ""
            typer.echo(printable(f"{finding.state:<8} {finding.name}: {finding.found}{remedy}"))
    if problems:
        names = ", ".join(dict.fromkeys(finding.name for finding in problems))
        raise UsageError(
            printable(f"{len(problems)} problem(s): {names}; the remedy follows each ->")
        )
