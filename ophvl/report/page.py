"""The statistics as one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path

from ophvl.report.statistics import Statistics

TEMPLATE = Path(__file__).with_name("page.html")


def render(statistics: Statistics) -> str:
    """Render the page. Text from titles and narrations is escaped."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    s = statistics
    cards = [
        (f"{s.hours:.2f}", "hours of video"),
        (s.narrated_videos, "narrated videos"),
        (s.silent_videos, "silent videos"),
        (s.clip_pairs, "clip-narration pairs"),
        (s.titled_videos, "structured titles"),
        (s.frames, "frames"),
    ]
    return template.render(statistics=s, funnel=s.funnel, cards=cards)
