"""What is installed and what this machine can do, before a run finds out.

In: the dataset folder that will be worked in. Out: findings, one a check, each with its mend where
something is missing. Nothing is installed, fetched or changed, but that the parts of packaged weights are
joined in the user's cache, as the first run would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from ophvl.doctor import installed, machine, media, models, sites
from ophvl.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine", "run_checks"]

Check = Callable[[], Iterator[Finding]]


def examine(root: Path) -> list[Finding]:
    """Check everything that the commands lean on, with `root` as the dataset folder."""
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
    """The findings of all checks; one that fails is a finding itself, and keeps none from the others."""
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            findings += check()
        except ImportError as err:
            mend = "from the code's folder: pip install -e '.[curate,train]'"
            found = f"cannot be loaded: {err}"
            findings.append(Finding(name=name, state=State.PROBLEM, found=found, mend=mend))
        except Exception as err:  # noqa: BLE001  (whatever is broken here is what is looked for)
            findings.append(
                Finding(
                    name=name,
                    state=State.PROBLEM,
                    found=f"the check failed with {type(err).__name__}: {err}",
                    mend="install what it names again",
                )
            )
    return findings
