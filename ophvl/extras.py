"""The extras of this distribution: what each requires, and which one brings a module that is missing."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

DISTRIBUTION = "ophvl"

IMPORT_NAMES = {
    "ffmpeg-python": "ffmpeg",
    "openai-whisper": "whisper",
    "opencv-python-headless": "cv2",
    "piper-tts": "piper",
    "pillow": "PIL",
    "pyahocorasick": "ahocorasick",
}
"""Packages that are imported by another name than their own with underscores."""


def requirements(extra: str, distribution: str = DISTRIBUTION) -> list[Requirement]:
    """Return what a distribution requires on this machine for one extra; for "", what it always requires."""
    from packaging.requirements import Requirement

    required = []
    for text in metadata.requires(distribution) or []:
        requirement = Requirement(text)
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        selected = always if not extra else marker is not None and marker.evaluate({"extra": extra})
        if selected and (not extra or not always):
            required.append(requirement)
    return required


def requirement_of(module: str, preferred: str) -> tuple[str, str] | None:
    """Return the package that installs a top-level module, and the extra that requires it; None if none does.

    Args:
        preferred: the extra to name where several require it.
    """
    try:
        declared = metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:  # Run from its source, without an installation.
        return None
    for extra in sorted(declared, key=lambda name: name != preferred):
        for requirement in requirements(extra):
            name = requirement.name.lower()
            if IMPORT_NAMES.get(name, name.replace("-", "_")) == module:
                return name, extra
    return None
