"""Settings of both packages: one class a section, filled from presets, TOML files, `--set` and flags.

Later sources win: defaults, a preset, the config saved in the folder, the file given with `--config`,
`--set section.key=value`, then flags of their own such as `--cookies`. Unknown sections and keys are
refused with the nearest known one.
"""

from __future__ import annotations

import difflib
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, field_validator
from pydantic.fields import FieldInfo

from ophvl.errors import ConfigError
from ophvl.faults import remedy


class Settings(BaseModel):
    """Base of a section: write each key as `Field(default, description=..., ge=...)`.

    Values are taken as they are ("yes" is no bool, 1.5 no int), but for whole numbers given for floats and
    TOML's lists given for tuples. Rules about single keys are bounds or field validators, rules about
    several are model validators; both raise ValueError with a sentence that names the keys.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())

    @field_validator("*", mode="before")
    @classmethod
    def _tuple_of_list(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Unit:
    """Unit of a key, such as Unit("s"); stands in the key's `Annotated`."""

    name: str


class Trait(Enum):
    """Exceptions for a key; stand in its `Annotated`."""

    EFFORT = "how a result is obtained, such as a time limit: not part of fingerprints"
    UNSAVED = "not written to the folder's config file"


EFFORT, UNSAVED = Trait.EFFORT, Trait.UNSAVED


def absolute_path(path: str) -> str:
    """Return `path` from the root on: it is saved, and later runs may start in another folder.

    Raises:
        ValueError: it begins with the home folder of a user who has none.
    """
    try:
        return str(Path(path).expanduser().absolute()) if path else path
    except RuntimeError as err:
        raise ValueError(f"there is no home folder for '{path}'") from err


SavedPath = Annotated[str, AfterValidator(absolute_path)]
"""Type of a key that holds a path; "" for none."""

Sections = Mapping[str, type[Settings]]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Values from one source, by section and key; `origin` names the source in messages.

    A flag such as `--cookies` is a layer of its own, which holds the typed value.
    """

    origin: str
    values: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Settings of every section, and where each value that is not the default comes from."""

    settings: Mapping[str, Settings]
    origins: Mapping[str, Mapping[str, str]]
    """Section to key to the origin of the present value; keys with their default are left out."""


def resolve(
    sections: Sections, *, files: Iterable[Path] = (), overrides: Sequence[str] = ()
) -> Mapping[str, Settings]:
    """Return the settings of every section from TOML `files` and then `section.key=value` strings.

    Raises:
        ConfigError: a file cannot be read, or a name or value does not fit; the message says where.
    """
    layers = [*map(read_layer, files), *map(parse_override, overrides)]
    return resolve_layers(sections, layers).settings


def resolve_layers(sections: Sections, layers: Iterable[Layer]) -> Resolved:
    """Return the settings of every section from `layers`, of which later ones win.

    Raises:
        ConfigError: a name or value does not fit; the message says in which layer.
    """
    values: dict[str, dict[str, object]] = {name: {} for name in sections}
    origins: dict[str, dict[str, str]] = {name: {} for name in sections}
    for layer in layers:
        for section, keys in layer.values.items():
            _check_names(sections, section, keys, layer.origin)
            values[section].update(keys)
            origins[section].update(dict.fromkeys(keys, layer.origin))
    settings = {
        name: _validate(name, cls, values[name], origins[name]) for name, cls in sections.items()
    }
    return Resolved(settings=settings, origins=origins)


def read_layer(path: Path) -> Layer:
    """Read a TOML file with one table a section.

    Raises:
        ConfigError: it cannot be read, is not TOML, or has values outside a section.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ConfigError(f"cannot read the config file {path}: {remedy(err)}") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(
            f"{path} is not valid TOML: {err}. Correct the file and run again."
        ) from err
    for name, keys in document.items():
        if not isinstance(keys, dict):
            raise ConfigError(f"{path}: '{name}' is outside a section; write it under [section]")
    return Layer(origin=str(path), values=document)


def parse_override(text: str) -> Layer:
    """Parse `section.key=value`; a value that is not TOML is a text without quotes.

    Raises:
        ConfigError: it is not of this form.
    """
    name, equals, raw = text.partition("=")
    section, dot, key = (part.strip() for part in name.partition("."))
    if not (equals and dot and section and key):
        raise ConfigError(
            f"--set {text}: write it as section.key=value, e.g. --set pair.clip_frames=8"
        )
    if (
        raw.strip() == "null"
    ):  # As a text it would be taken for a value, such as a path of that name.
        raise ConfigError(
            f"--set {text}: null cannot be set; leave the setting out, or write "
            f"--set '{section}.{key}=\"null\"' for a text of that name"
        )
    try:
        value: object = tomllib.loads(f"v = {raw}")["v"]
    except tomllib.TOMLDecodeError:
        value = raw.strip()
    return Layer(origin=f"--set {text}", values={section: {key: value}})


def fingerprint_values(settings: Settings) -> dict[str, object]:
    """Return the values that a stage's result depends on, JSON-ready: all but those marked EFFORT."""
    return _plain(settings, EFFORT)


def to_toml(settings: Mapping[str, Settings]) -> str:
    """Return all sections as TOML that `resolve` reads back to the same settings.

    Keys marked UNSAVED are left out.
    """
    import tomli_w

    return tomli_w.dumps({name: _plain(section, UNSAVED) for name, section in settings.items()})


def allowed_values(field: FieldInfo) -> str:
    """Return what a field takes, in words: "a whole number, at least 1"."""
    return _describe(field.annotation, field.metadata)


def _check_names(sections: Sections, section: str, keys: Mapping[str, object], origin: str) -> None:
    if section not in sections:
        raise ConfigError(f"{origin}: unknown section '{section}'{_nearest(section, sections)}")
    known = sections[section].model_fields
    for key in keys:
        if key not in known:
            raise ConfigError(f"{origin}: unknown key '{section}.{key}'{_nearest(key, known)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return (
        f"; did you mean '{close[0]}'?" if close else f"; known are: {', '.join(names) or 'none'}"
    )


def _validate(
    section: str, cls: type[Settings], values: Mapping[str, object], origins: Mapping[str, str]
) -> Settings:
    try:
        return cls.model_validate(values)
    except ValidationError as err:
        faults = [
            _fault(section, cls, str(fault["loc"][0]) if fault["loc"] else None, fault, origins)
            for fault in err.errors()
        ]
        # A list with several wrong items is one fault.
        raise ConfigError("\n".join(dict.fromkeys(faults))) from err


def _fault(
    section: str,
    cls: type[Settings],
    key: str | None,
    fault: Mapping[str, typing.Any],
    origins: Mapping[str, str],
) -> str:
    """Return what is wrong as a sentence; `key` is None for a rule about several keys."""
    if key is None:
        where = ", ".join(dict.fromkeys(origins.values()))
        return f"{where or 'defaults'}: section [{section}]: {fault['ctx']['error']}"
    where = f"{origins.get(key, 'defaults')}: {section}.{key}"
    if fault["type"] == "missing":
        return f"{where} has no default and must be set"
    if fault["type"] == "value_error":
        return f"{where}: {fault['ctx']['error']}"
    field = cls.model_fields[key]
    choices = [str(one) for one in typing.get_args(_without_none(field.annotation))]
    close = difflib.get_close_matches(str(fault["input"]), choices, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close and fault["type"] == "literal_error" else ""
    return f"{where} must be {allowed_values(field)}, not {fault['input']!r}{hint}"


_NOUNS: Mapping[object, tuple[str, str]] = {
    bool: ("true or false", "values true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a text", "texts"),
}
_BOUNDS = {
    "ge": "at least {}",
    "gt": "above {}",
    "le": "at most {}",
    "lt": "below {}",
    "multiple_of": "a multiple of {}",
    "min_length": "with at least {} value(s)",
    "max_length": "with at most {} value(s)",
}


def _describe(annotation: object, metadata: Sequence[object], *, plural: bool = False) -> str:
    annotation = _without_none(annotation)
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        bounds = [bound for one in args[1:] for bound in getattr(one, "metadata", [one])]
        return _describe(args[0], [*bounds, *metadata], plural=plural)
    limits = {
        name: value
        for name in _BOUNDS
        for one in metadata
        if (value := getattr(one, name, None)) is not None
    }
    if origin is typing.Literal:
        text = f"one of {', '.join(map(str, args))}"
    elif origin is tuple:
        count = "" if args[-1] is ... else f"{len(args)} "
        if "min_length" in limits and limits["min_length"] == limits.get("max_length"):
            count = f"{limits.pop('min_length')} "
            del limits["max_length"]
        text = f"a list of {count}{_describe(args[0], (), plural=True)}"
    else:
        text = _NOUNS[annotation][plural]
    bounds = [_BOUNDS[name].format(value) for name, value in limits.items()]
    each = "each " if plural and bounds else ""
    return text + (f", {each}{' and '.join(bounds)}" if bounds else "")


def _without_none(annotation: object) -> object:
    """Return X of `X | None`, and any other type as it is."""
    if typing.get_origin(annotation) not in (types.UnionType, typing.Union):
        return annotation
    return next(arg for arg in typing.get_args(annotation) if arg is not type(None))


def _plain(settings: Settings, without: Trait) -> dict[str, object]:
    """Return values as TOML and JSON hold them, in the order of the fields; None is left out."""
    plain: dict[str, object] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if value is not None and without not in field.metadata:
            plain[name] = list(value) if isinstance(value, tuple) else value
    return plain
