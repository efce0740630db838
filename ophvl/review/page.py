"""The review sheet as one HTML page: judge with the mouse or the keys, then save it as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ophvl.review.sheet import COLUMNS, Item

TEMPLATE = Path(__file__).with_name("page.html")


def render(items: Sequence[Item]) -> str:
    """Render the page. Text from transcripts is escaped; the script receives it as JSON."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    rows = [[_cell(getattr(item, name)) for name in COLUMNS] for item in items]
    return template.render(items=items, columns=COLUMNS, rows=rows)


def _cell(value: object) -> str:
    return "" if value is None else str(value)
