"""Python, and the packages that this package asks for, by its own metadata: no second list is kept."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from ophvl.doctor.finding import Finding, State

if TYPE_CHECKING:
    from packaging.requirements import Requirement

DISTRIBUTION = "ophvl"

NEEDED_BY = {
    "curate": "ophvl ingest and build-pairs",
    "train": "ophclip train",
    "ray": "ophvl --engine ray",
}
OPTIONAL = frozenset({"ray"})
"""Extras that none of the four commands needs."""


def check_python() -> Iterator[Finding]:
    """The version of Python against that which the package asks for."""
    from packaging.specifiers import SpecifierSet

    wanted = metadata.metadata(DISTRIBUTION)["Requires-Python"]
    version = platform.python_version()
    found = f"{platform.python_implementation()} {version} on {platform.platform(terse=True)}"
    if SpecifierSet(wanted).contains(version, prereleases=True):
        yield Finding(name="Python", state=State.OK, found=found)
    else:
        mend = f"make the environment with Python {wanted}"
        yield Finding(name="Python", state=State.PROBLEM, found=found, mend=mend)


def check_packages() -> Iterator[Finding]:
    """The packages of the base and of each extra, with their versions."""
    declared = metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    yield judge("base", requirements(""))
    for extra in NEEDED_BY:
        if extra in declared:
            yield judge(extra, requirements(extra))
        else:
            yield Finding(
                name=f"packages ({extra})",
                state=State.NOTE,
                found=f"the installed {DISTRIBUTION} knows no extra '{extra}': it was installed from older "
                "code",
                mend=f"from the code's folder: pip install -e '.[{extra}]'",
            )


def requirements(extra: str, distribution: str = DISTRIBUTION) -> list[Requirement]:
    """What a distribution asks for on this machine with an extra alone, "" being what it always needs."""
    from packaging.requirements import Requirement

    wanted = []
    for text in metadata.requires(distribution) or []:
        requirement = Requirement(text)
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        asked = always if not extra else marker is not None and marker.evaluate({"extra": extra})
        if asked and (not extra or not always):
            wanted.append(requirement)
    return wanted


def judge(extra: str, wanted: list[Requirement]) -> Finding:
    """One finding for all packages of an extra: the versions that are there, or those at fault."""
    states = [(requirement, installed(requirement)) for requirement in wanted]
    faults = [fault for _, (_, fault) in states if fault]
    name = f"packages ({extra})"
    if not faults:
        there = ", ".join(f"{requirement.name} {version}" for requirement, (version, _) in states)
        return Finding(name=name, state=State.OK, found=there or "none needed")
    of = f", needed by {NEEDED_BY[extra]}" if extra in NEEDED_BY else ""
    asked = f".[{extra}]" if extra in NEEDED_BY else "."
    return Finding(
        name=name,
        state=State.NOTE if extra in OPTIONAL else State.PROBLEM,
        found=f"{len(faults)} of {len(wanted)} at fault{of}: {'; '.join(faults)}",
        mend=f"from the code's folder: pip install -e '{asked}'",
    )


def installed(requirement: Requirement) -> tuple[str, str]:
    """The installed version of a package, and what is wrong with it (empty where nothing is)."""
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
