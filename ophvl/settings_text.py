"""Settings of both packages as text: meaning, allowed values, value and where the value comes from."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from ophvl.config import Resolved, Sections, Unit, allowed_values

_WIDTH = 80


@dataclass(frozen=True, kw_only=True)
class SettingText:
    """One setting in words; `value` and `default` are JSON, which `--set` takes too, all but null."""

    section: str
    key: str
    meaning: str
    unit: str
    allowed: str
    default: str
    value: str
    origin: str


def setting_texts(sections: Sections, resolved: Resolved) -> Iterator[SettingText]:
    """Yield every setting in the order of the sections and their fields."""
    for section, kind in sections.items():
        for key, field in kind.model_fields.items():
            yield SettingText(
                section=section,
                key=key,
                meaning=field.description or "",
                unit=" ".join(one.name for one in field.metadata if isinstance(one, Unit)),
                allowed=allowed_values(field),
                default=json.dumps(field.default, ensure_ascii=False),
                value=json.dumps(getattr(resolved.settings[section], key), ensure_ascii=False),
                origin=resolved.origins[section].get(key, "default"),
            )


def as_terminal(sections: Sections, resolved: Resolved) -> str:
    """Return all settings as lines for a terminal of 80 columns."""
    lines: list[str] = []
    section = ""
    for one in setting_texts(sections, resolved):
        if one.section != section:
            section = one.section
            lines += ["", f"[{section}]", *_wrapped(sections[section].__doc__ or "")]
        unit = f" {one.unit}" if one.unit else ""
        value, origin = f"{one.key} = {one.value}{unit}", f"({one.origin})"
        fits = len(value) + 2 + len(origin) <= _WIDTH
        lines += [f"{value}  {origin}"] if fits else [value, f"    {origin}"]
        takes = f"{one.allowed[0].upper()}{one.allowed[1:]}; default {one.default}{unit}."
        lines += _wrapped(f"{one.meaning} {takes}", indent="    ")
    return "\n".join(lines[1:])


def as_markdown(sections: Sections, resolved: Resolved) -> str:
    """Return one Markdown table a section: key, meaning, unit, allowed values, default."""
    lines: list[str] = []
    section = ""
    for one in setting_texts(sections, resolved):
        if one.section != section:
            section = one.section
            heading = [f"### `[{section}]`", "", sections[section].__doc__ or "", ""]
            head = ["| key | meaning | unit | takes | default |", "|---|---|---|---|---|"]
            lines += ["", *heading, *head]
        cells = (f"`{one.key}`", one.meaning, one.unit, one.allowed, f"`{one.default}`")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines[1:]) + "\n"


def as_json(sections: Sections, resolved: Resolved) -> str:
    """Return all settings as a JSON object: section to key to what `SettingText` says, values typed."""
    document: dict[str, dict[str, object]] = {section: {} for section in sections}
    for one in setting_texts(sections, resolved):
        document[one.section][one.key] = {
            "value": json.loads(one.value),
            "origin": one.origin,
            "default": json.loads(one.default),
            "allowed": one.allowed,
            "unit": one.unit,
            "meaning": one.meaning,
        }
    return json.dumps(document, indent=1)


def _wrapped(text: str, *, indent: str = "") -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()), _WIDTH, initial_indent=indent, subsequent_indent=indent
    )
