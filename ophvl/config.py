"""Configuration: one frozen dataclass a section, filled from TOML and from `section.key=value`.

Later sources win: defaults, the config saved in the dataset folder, the file given with `--config`,
then `--set`. Unknown sections and keys are refused with the nearest known one.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ophvl.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Sections = Mapping[str, "type[DataclassInstance]"]

Value = TypeVar("Value")


def effort(default: Value, *, kept: bool = True) -> Value:
    """A setting of how a result is come by, such as a time limit: changing it makes nothing anew.

    Args:
        kept: whether the dataset folder remembers it.
    """
    value: Value = dataclasses.field(default=default, metadata={"effort": True, "kept": kept})
    return value


def resolve(
    sections: Sections,
    *,
    files: Iterable[Path] = (),
    overrides: Sequence[str] = (),
) -> dict[str, DataclassInstance]:
    """Build every section's config from TOML `files` (later ones win) and `section.key=value` strings.

    Raises:
        ConfigError: a file cannot be read, or a name or value does not fit; the message says where.
    """
    values: dict[str, dict[str, object]] = {name: {} for name in sections}
    for path in files:
        for section, keys in _read_toml(path).items():
            for key, value in keys.items():
                _put(values, sections, section, key, value, origin=str(path))
    for text in overrides:
        section, key, value = _split_override(text)
        _put(values, sections, section, key, value, origin=f"--set {text}")
    return {name: _build(name, cls, values[name]) for name, cls in sections.items()}


def deciding(config: DataclassInstance) -> dict[str, object]:
    """The settings that a stage's result depends on, as JSON-ready values."""
    return _plain(config, lambda field: not field.metadata.get("effort"))


def to_toml(configs: Mapping[str, DataclassInstance]) -> str:
    """All sections as a TOML document that `resolve` reads back to the same configs.

    Left out is what `effort` says not to keep.
    """
    import tomli_w

    def kept(field: dataclasses.Field[object]) -> bool:
        return bool(field.metadata.get("kept", True))

    return tomli_w.dumps({name: _plain(config, kept) for name, config in configs.items()})


def _plain(
    config: DataclassInstance, wanted: Callable[[dataclasses.Field[object]], bool]
) -> dict[str, object]:
    """Settings as TOML- and JSON-ready values, in the order of the fields; None is left out."""
    plain: dict[str, object] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value is not None and wanted(field):
            plain[field.name] = list(value) if isinstance(value, tuple) else value
    return plain


def _read_toml(path: Path) -> dict[str, dict[str, object]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ConfigError(f"cannot read the config file {path}: {err.strerror}") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path} is not valid TOML: {err}. Mend the file and run again.") from err
    for name, keys in document.items():
        if not isinstance(keys, dict):
            raise ConfigError(f"{path}: '{name}' stands outside a section; write it under [stage]")
    return document


def _split_override(text: str) -> tuple[str, str, object]:
    name, equals, raw = text.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise ConfigError(
            f"--set {text}: write it as stage.key=value, e.g. --set pair.min_score=0.4"
        )
    try:
        value: object = tomllib.loads(f"v = {raw}")["v"]
    except tomllib.TOMLDecodeError:
        value = raw.strip()
    return section, key, value


def _put(
    values: dict[str, dict[str, object]],
    sections: Sections,
    section: str,
    key: str,
    value: object,
    *,
    origin: str,
) -> None:
    if section not in sections:
        raise ConfigError(f"{origin}: unknown section '{section}'{_nearest(section, sections)}")
    known = [f.name for f in dataclasses.fields(sections[section])]
    if key not in known:
        raise ConfigError(f"{origin}: unknown key '{section}.{key}'{_nearest(key, known)}")
    expected = typing.get_type_hints(sections[section])[key]
    values[section][key] = _convert(value, expected, where=f"{origin}: {section}.{key}")


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return (
        f"; did you mean '{close[0]}'?" if close else f"; known are: {', '.join(names) or 'none'}"
    )


def _convert(value: object, expected: object, *, where: str) -> object:
    origin, args = typing.get_origin(expected), typing.get_args(expected)
    if origin in (types.UnionType, typing.Union):
        inner = next(a for a in args if a is not type(None))
        return None if value is None else _convert(value, inner, where=where)
    if origin is typing.Literal:
        if value not in args:
            close = _nearest(str(value), [str(a) for a in args])
            raise ConfigError(
                f"{where}: '{value}' is not one of {', '.join(map(str, args))}{close}"
            )
        return value
    if origin is tuple:
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise ConfigError(f"{where}: expected a list of strings, got {value!r}")
        return tuple(value)
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(expected, type) or type(value) is not expected:
        raise ConfigError(
            f"{where}: expected {getattr(expected, '__name__', expected)}, got {value!r}"
        )
    return value


def _build(
    name: str, cls: type[DataclassInstance], values: Mapping[str, object]
) -> DataclassInstance:
    try:
        return cls(**values)
    except ValueError as err:
        raise ConfigError(f"section [{name}]: {err}") from err
