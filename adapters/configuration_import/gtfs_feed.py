"""The tables of a GTFS feed that tell when and how far vehicles run, from a zip file or a folder."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from adapters.configuration_import.loading import decode_text
from adapters.configuration_import.tables import Row, read_table
from domain.configuration.faults import Faults, quoted
from domain.errors import Fault, InvalidInput

_LARGEST = 200 * 2**20
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "trips": ("route_id", "service_id", "trip_id"),
    "stop_times": ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"),
    "stops": ("stop_id", "stop_lat", "stop_lon"),
}
_OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "calendar": ("service_id", *_WEEKDAYS, "start_date", "end_date"),
    "calendar_dates": ("service_id", "date", "exception_type"),
    "frequencies": ("trip_id", "start_time", "end_time", "headway_secs"),
    "shapes": ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
}
_EARTH_RADIUS_M = 6_371_009


class Point(NamedTuple):
    """Degrees north and east."""

    latitude: float
    longitude: float


Feed = Mapping[str, Sequence[Row]]


def read_feed(source: Path) -> Feed:
    """Raises InvalidInput for a source that is no feed, or a table that lacks a column."""
    names = [*_REQUIRED, *_OPTIONAL]
    texts = _folder(source, names) if source.is_dir() else _zip(source, names)
    missing = [name for name in _REQUIRED if name not in texts]
    if not ("calendar" in texts or "calendar_dates" in texts):
        missing.append("calendar")
    if missing:
        raise InvalidInput([Fault(f"/{name}", "nothing", f"the file {name}.txt in the feed") for name in missing])
    columns = {**_REQUIRED, **_OPTIONAL}
    return {name: read_table(name, texts[name], columns[name]) if name in texts else () for name in names}


def _folder(source: Path, names: Sequence[str]) -> dict[str, str]:
    files = {name: source / f"{name}.txt" for name in names}
    return {name: _text(file.read_bytes()) for name, file in files.items() if file.is_file()}


def _zip(source: Path, names: Sequence[str]) -> dict[str, str]:
    try:
        with zipfile.ZipFile(source) as archive:
            inside = {entry.filename: entry for entry in archive.infolist()}
            wanted = {name: inside[f"{name}.txt"] for name in names if f"{name}.txt" in inside}
            _check_size(sum(entry.file_size for entry in wanted.values()))
            return {name: _text(archive.read(entry)) for name, entry in wanted.items()}
    except zipfile.BadZipFile as error:
        raise InvalidInput([Fault("", f"no zip file ({error})", "a GTFS feed: a zip file or a folder")]) from None


def _check_size(size: int) -> None:
    if size > _LARGEST:
        raise InvalidInput([Fault("", f"{size:,} bytes of tables", f"at most {_LARGEST:,}")])


def _text(content: bytes) -> str:
    return decode_text(content, _LARGEST)


def seconds(row: Row, column: str, faults: Faults) -> int | None:
    """A GTFS time, H:MM:SS with hours beyond 24, in seconds since the service day's start."""
    parts = row[column].split(":")
    if len(parts) == 3 and all(part.isascii() and part.isdigit() and len(part) <= 2 for part in parts):
        hours, minutes, rest = map(int, parts)
        if minutes < 60 and rest < 60:
            return (hours * 60 + minutes) * 60 + rest
    faults.append(row.fault(column, "a time such as 25:10:00"))
    return None


def service_days(feed: Feed, week: date | None, faults: Faults) -> dict[str, tuple[int, ...]]:
    """By service, the days (Monday = 0) it runs in the week that begins on the Monday `week`.

    By default the first whole week of the feed. Exceptions of calendar_dates.txt count where they fall in that week.
    """
    spans = [(row, day(row, "start_date", faults), day(row, "end_date", faults)) for row in feed["calendar"]]
    exceptions = [(row, day(row, "date", faults)) for row in feed["calendar_dates"]]
    begins = [start for _, start, _ in spans if start] or [date_ for _, date_ in exceptions if date_]
    if not begins:
        return {}
    monday = week or min(begins) + timedelta(days=-min(begins).weekday() % 7)
    running: set[tuple[str, int]] = set()
    for offset in range(7):
        today = monday + timedelta(days=offset)
        for row, start, end in spans:
            if start and end and start <= today <= end and row[_WEEKDAYS[offset]] == "1":
                running.add((row["service_id"], offset))
        for row, date_ in exceptions:
            if date_ == today:
                change = running.add if row["exception_type"] == "1" else running.discard
                change((row["service_id"], offset))
    services = {service for service, _ in running}
    return {service: tuple(day for day in range(7) if (service, day) in running) for service in services}


def day(row: Row, column: str, faults: Faults) -> date | None:
    try:
        return date.fromisoformat(row[column])
    except ValueError:
        faults.append(row.fault(column, "a date such as 20260302"))
        return None


def points(rows: Sequence[Row], id_column: str, prefix: str, faults: Faults) -> Iterator[tuple[Row, Point]]:
    """Rows with their coordinates, faulty ones reported and left out."""
    for row in rows:
        try:
            point = Point(float(row[f"{prefix}_lat"]), float(row[f"{prefix}_lon"]))
        except ValueError:
            faults.append(row.fault(f"{prefix}_lat", f"coordinates in degrees for {quoted(row[id_column])}"))
            continue
        if abs(point.latitude) <= 90 and abs(point.longitude) <= 180:
            yield row, point
        else:
            faults.append(row.fault(f"{prefix}_lat", "a latitude within ±90 and a longitude within ±180 degrees"))


def metres(path: Sequence[Point]) -> int:
    """The length of a path along great circles, rounded once, so that no Python differs from another."""
    length = 0.0
    for here, there in pairwise(path):
        length += _great_circle(here, there)
    return round(length)


def _great_circle(here: Point, there: Point) -> float:
    """The haversine formula."""
    north, other_north = math.radians(here.latitude), math.radians(there.latitude)
    half_up = (other_north - north) / 2
    half_across = math.radians(there.longitude - here.longitude) / 2
    chord = math.sin(half_up) ** 2 + math.cos(north) * math.cos(other_north) * math.sin(half_across) ** 2
    return 2 * _EARTH_RADIUS_M * math.asin(math.sqrt(min(chord, 1.0)))
