"""Check what is installed and what this machine can do, before a run needs it.

In: the dataset folder. Out: findings, one or more a check, each with its remedy if something is missing.
Nothing is installed, downloaded or changed, except that the parts of packaged weights are joined in the
user's cache, as the first run would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from ophvl.doctor import installed, machine, media, models, sites
from ophvl.doctor.finding import Finding, FindingState

__all__ = ["Finding", "FindingState", "examine", "run_checks"]

Check = Callable[[], Iterator[Finding]]


def examine(root: Path) -> list[Finding]:
    """Check everything that the commands depend on, with `root` as the dataset folder."""
    return run_checks(
        {
            "Python": installed.check_python,
            "packages": installed.check_packages,
            "ffmpeg": media.check_ffmpeg,
            "PyAV": media.check_pyav,
            "Whisper": models.check_whisper,
            "spaCy": models.check_spacy,
            "MiniLM text encoder": models.check_sentence_encoder,
            "model hub": sites.check_hub,
            "yt-dlp": sites.check_yt_dlp,
            "JavaScript for YouTube": sites.check_javascript,
            "proxies and certificates": sites.check_environment,
            "GPU": machine.check_gpu,
            "CPU": machine.check_processor,
            "dataset folder": partial(machine.check_disk, root.absolute()),
        }
    )


def run_checks(checks: Mapping[str, Check]) -> list[Finding]:
    """Return the findings of all checks; a check that fails is itself a finding, and the others still run."""
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            findings += check()
        except ImportError as err:
            mend = "from the code's folder: pip install -e '.[curate,train]'"
            found = f"cannot be loaded: {err}"
            findings.append(Finding(name=name, state=FindingState.PROBLEM, found=found, mend=mend))
        except Exception as err:  # noqa: BLE001  (any error is a finding)
            findings.append(
                Finding(
                    name=name,
                    state=FindingState.PROBLEM,
                    found=f"the check failed with {type(err).__name__}: {err}",
                    mend="install what it names again",
                )
            )
    return findings
