"""Check Python and the required packages, as this package's own metadata lists them."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from ophvl.doctor.finding import Finding, FindingState
from ophvl.extras import DISTRIBUTION, requirements

if TYPE_CHECKING:
    from packaging.requirements import Requirement

NEEDED_BY = {
    "curate": "ophvl ingest and build-pairs",
    "train": "ophclip train",
    "ray": "ophvl --engine ray",
}
OPTIONAL = frozenset({"ray"})
"""Extras that no command needs by default."""


def check_python() -> Iterator[Finding]:
    """Check the version of Python against the one that the package requires."""
    from packaging.specifiers import SpecifierSet

    required = metadata.metadata(DISTRIBUTION)["Requires-Python"]
    version = platform.python_version()
    found = f"{platform.python_implementation()} {version} on {platform.platform(terse=True)}"
    if SpecifierSet(required).contains(version, prereleases=True):
        yield Finding(name="Python", state=FindingState.OK, found=found)
    else:
        mend = f"make the environment with Python {required}"
        yield Finding(name="Python", state=FindingState.PROBLEM, found=found, mend=mend)


def check_packages() -> Iterator[Finding]:
    """Check the base packages and those of each extra, with their versions."""
    declared = metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    yield judge("base", requirements(""))
    for extra in NEEDED_BY:
        if extra in declared:
            yield judge(extra, requirements(extra))
        else:
            yield Finding(
                name=f"packages ({extra})",
                state=FindingState.NOTE,
                found=f"the installed {DISTRIBUTION} knows no extra '{extra}': it was installed from older "
                "code",
                mend=f"from the code's folder: pip install -e '.[{extra}]'",
            )


def judge(extra: str, required: list[Requirement]) -> Finding:
    """Return one finding for all packages of an extra: their versions, or what is wrong with them."""
    states = [(requirement, installed(requirement)) for requirement in required]
    faults = [fault for _, (_, fault) in states if fault]
    name = f"packages ({extra})"
    if not faults:
        versions = ", ".join(
            f"{requirement.name} {version}" for requirement, (version, _) in states
        )
        return Finding(name=name, state=FindingState.OK, found=versions or "none needed")
    of = f", needed by {NEEDED_BY[extra]}" if extra in NEEDED_BY else ""
    target = f".[{extra}]" if extra in NEEDED_BY else "."
    return Finding(
        name=name,
        state=FindingState.NOTE if extra in OPTIONAL else FindingState.PROBLEM,
        found=f"{len(faults)} of {len(required)} at fault{of}: {'; '.join(faults)}",
        mend=f"from the code's folder: pip install -e '{target}'",
    )


def installed(requirement: Requirement) -> tuple[str, str]:
    """Return the installed version of a package, and what is wrong with it (empty if nothing is)."""
    from packaging.version import InvalidVersion, Version

    try:
        version = metadata.version(requirement.name)
        fit = requirement.specifier.contains(Version(version), prereleases=True)
    except metadata.PackageNotFoundError:
        return "", f"{requirement.name} is missing"
    except (InvalidVersion, TypeError, KeyError):  # A half-removed package has no version.
        return "", f"{requirement.name} is broken: its version cannot be read"
    if fit:
        return version, ""
    return version, f"{requirement.name} {version} does not fit {requirement.specifier}"
