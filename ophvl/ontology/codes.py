"""Codes of other systems for the ontology's concepts.

ICD-10-CM codes are part of the ontology. Other systems (SNOMED CT, OPCS-4, a hospital's own) come from a
table of the user, since their licences do not let us ship them: tab-separated, UTF-8, the columns concept_id,
system and code named in the first line, one code a line. Repeated lines add nothing.
"""

from __future__ import annotations

import difflib
import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ophvl.errors import ConfigError
from ophvl.ontology.loader import Ontology
from schemas.video_attributes import Code

ICD10CM = "ICD-10-CM"
_COLUMNS = ["concept_id", "system", "code"]


@dataclass(frozen=True)
class Codes:
    """All codes of each concept; `path` is the user's table, if there is one."""

    ontology: Ontology
    path: Path | None = None

    @cached_property
    def revision(self) -> str:
        """Return the hash of the user's table."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:16]

    def of(self, concept_id: str | None) -> tuple[Code, ...]:
        """Return the concept's codes without repeats: ICD-10-CM first, then the user's in their order."""
        if concept_id is None:
            return ()
        icd10cm = self.ontology.concepts[concept_id].icd10cm
        own = (Code(system=ICD10CM, code=icd10cm),) if icd10cm else ()
        return tuple(dict.fromkeys(own + self._mapped.get(concept_id, ())))

    @cached_property
    def _text(self) -> str:
        if self.path is None:
            return ""
        try:
            return self.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as err:
            raise ConfigError(f"cannot read the table of codes {self.path}: {err}") from err

    @cached_property
    def _mapped(self) -> Mapping[str, tuple[Code, ...]]:
        if self.path is None:
            return {}
        lines = [line.split("\t") for line in self._text.splitlines()]
        if not lines or lines[0] != _COLUMNS:
            raise ConfigError(
                f"{self.path}:1: the first line must name {', '.join(_COLUMNS)}, separated by tabs"
            )
        mapped: dict[str, tuple[Code, ...]] = defaultdict(tuple)
        for number, cells in enumerate(lines[1:], start=2):
            if len(cells) != len(_COLUMNS) or not all(cell.strip() for cell in cells):
                raise ConfigError(f"{self.path}:{number}: expected three filled cells, got {cells}")
            concept_id, system, code = map(str.strip, cells)
            if concept_id not in self.ontology.concepts:
                close = difflib.get_close_matches(concept_id, self.ontology.concepts, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise ConfigError(f"{self.path}:{number}: no concept '{concept_id}'{hint}")
            mapped[concept_id] += (Code(system=system, code=code),)
        return mapped
