"""Write search results as one HTML page that needs no other file: thumbnails inside, all text escaped."""

from __future__ import annotations

import base64
import io
import os
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from ophclip.data.shards import Sample, Shards
from ophclip.errors import ConfigError, DataError
from ophclip.inference.search import Hit, format_time
from ophvl.faults import remedy

TEMPLATE = Path(__file__).with_name("search_page.html")
_THUMBNAIL = (320, 320)


@dataclass(frozen=True, kw_only=True)
class ResultCard:
    """One hit on the page."""

    hit: Hit
    start: str
    end: str
    thumbnail: str
    """data: URI of a JPEG image."""
    link: str | None


def write_page(
    path: Path, query: str, hits: Sequence[Hit], shards: Shards, *, checkpoint: str
) -> None:
    """Write the page.

    Args:
        path: the HTML file.
        query: the text that was searched for.
        hits: its hits, best first.
        shards: the dataset, for thumbnails and links.
        checkpoint: hash of the checkpoint, shown on the page.

    Raises:
        ConfigError: the file cannot be written.
        DataError: a frame or the table of videos cannot be read.
    """
    rows = {row.pair_id: row for row in shards.rows}
    locations = source_locations(shards)
    cards = [
        ResultCard(
            hit=hit,
            start=format_time(hit.start_s),
            end=format_time(hit.end_s),
            thumbnail=_thumbnail(shards, rows[hit.pair_id], hit),
            link=video_link(hit.video_id, locations.get(hit.video_id), hit.start_s),
        )
        for hit in hits
    ]
    working = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            working.write_text(render(query, cards, checkpoint=checkpoint), encoding="utf-8")
            working.replace(path)
        finally:
            working.unlink(missing_ok=True)
    except OSError as err:
        raise ConfigError(f"cannot write {path}: {remedy(err)}") from err


def render(query: str, cards: Sequence[ResultCard], *, checkpoint: str) -> str:
    """Render the page as HTML."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(query=query, cards=cards, checkpoint=checkpoint)


def source_locations(shards: Shards) -> dict[str, str]:
    """Return the web page, else the URL or path, of each video, from the dataset's table of videos.

    Empty where the dataset folder has shards but no tables.

    Raises:
        DataError: the table cannot be read.
    """
    folder = shards.files[0].parent.parent / "tables" / "videos"
    locations: dict[str, str] = {}
    for path in sorted(folder.glob("*.parquet")):
        try:
            table = pq.read_table(path, columns=["video_id", "location", "webpage_url"])
        except (OSError, pa.ArrowInvalid) as err:
            raise DataError(f"cannot read the table of videos {path}: {err}") from err
        for row in table.to_pylist():
            locations[row["video_id"]] = row["webpage_url"] or row["location"]
    return locations


def video_link(video_id: str, location: str | None, start_s: float) -> str | None:
    """Return a URL that opens the video at a time; None where no safe one is known.

    Only http, https and local files: a location is untrusted input.
    """
    second = int(start_s)
    if location is None and video_id.startswith("youtube_"):
        location = f"https://www.youtube.com/watch?v={video_id.removeprefix('youtube_')}"
    if location is None:
        return None
    if Path(location).is_absolute():
        return f"{Path(location).as_uri()}#t={second}"
    try:
        parts = urllib.parse.urlsplit(location)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    if parts.hostname in ("youtu.be", "youtube.com") or parts.hostname.endswith(".youtube.com"):
        fields = [(k, v) for k, v in urllib.parse.parse_qsl(parts.query) if k != "t"]
        query = urllib.parse.urlencode([*fields, ("t", f"{second}s")])
        return urllib.parse.urlunsplit(parts._replace(query=query))
    return urllib.parse.urlunsplit(parts._replace(fragment=f"t={second}"))


def _thumbnail(shards: Shards, row: Sample, hit: Hit) -> str:
    """Return the frame nearest to the middle of the hit as a data: URI of a small JPEG image."""
    middle_s = (hit.start_s + hit.end_s) / 2
    distances = [abs(time_s - middle_s) for time_s in row.frame_times_s]
    index = distances.index(min(distances))
    small = io.BytesIO()
    try:
        with Image.open(io.BytesIO(shards.jpegs(row)[index]), formats=["JPEG"]) as image:
            image.thumbnail(_THUMBNAIL)
            image.convert("RGB").save(small, "JPEG", quality=80)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as err:
        raise DataError(
            f"{shards.files[row.file]}: frame {index} of pair {row.pair_id} is not a readable JPEG "
            f"file: {err}; rebuild this shard"
        ) from err
    return "data:image/jpeg;base64," + base64.b64encode(small.getvalue()).decode()
