"""The tables of a GTFS feed that tell when and how far vehicles run, from a zip file or a folder."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from depot_sim.adapters.configuration_import.limits import LIMITS, ImportLimits, check
from depot_sim.adapters.configuration_import.loading import decode_text
from depot_sim.adapters.configuration_import.tables import Row, TableReader
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.problems import Faults, quoted

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "trips": ("route_id", "service_id", "trip_id"),
    "stop_times": ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"),
    "stops": ("stop_id", "stop_lat", "stop_lon"),
}
_ALSO_READ: Mapping[str, tuple[str, ...]] = {"trips": ("block_id", "shape_id")}
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


def read_feed(source: Path, limits: ImportLimits = LIMITS) -> Feed:
    """Raises InvalidInput for a source that is no feed, a table that lacks a column, or a limit that is passed."""
    names = [*_REQUIRED, *_OPTIONAL]
    texts = _folder(source, names, limits) if source.is_dir() else _zip(source, names, limits)
    missing = [name for name in _REQUIRED if name not in texts]
    if not ("calendar" in texts or "calendar_dates" in texts):
        missing.append("calendar")
    if missing:
        raise InvalidInput([Fault(f"/{name}", "nothing", f"the file {name}.txt in the feed") for name in missing])
    columns, reader = {**_REQUIRED, **_OPTIONAL}, TableReader(limits)
    return {
        name: reader.read(name, texts.pop(name), columns[name], _ALSO_READ.get(name, ())) if name in texts else ()
        for name in names
    }


def _folder(source: Path, names: Sequence[str], limits: ImportLimits) -> dict[str, str]:
    files = {name: file for name in names if (file := source / f"{name}.txt").is_file()}
    _check_bytes({name: file.stat().st_size for name, file in files.items()}, limits)
    return {name: decode_text(file.read_bytes(), limits.bytes) for name, file in files.items()}


def _zip(source: Path, names: Sequence[str], limits: ImportLimits) -> dict[str, str]:
    """A member is never read beyond the size that the archive's directory gives; `zipfile` ends such a read there."""
    try:
        with zipfile.ZipFile(source) as archive:
            inside = {entry.filename: entry for entry in archive.infolist()}
            wanted = {name: inside[f"{name}.txt"] for name in names if f"{name}.txt" in inside}
            _check_bytes({name: entry.file_size for name, entry in wanted.items()}, limits)
            return {name: decode_text(archive.read(entry), limits.bytes) for name, entry in wanted.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InvalidInput([Fault("", f"no zip file ({error})", "a GTFS feed: a zip file or a folder")]) from None
    except (NotImplementedError, RuntimeError) as error:
        found = f"a zip file that is encrypted or packed in an unusual way ({error})"
        raise InvalidInput([Fault("", found, "tables packed by deflate, without a password")]) from None


def _check_bytes(sizes: Mapping[str, int], limits: ImportLimits) -> None:
    """By the largest table, which is where there is something to leave out."""
    if sizes:
        largest = max(sizes, key=lambda name: sizes[name])
        fix = "keep only the rows of your depot"
        check(f"/{largest}", sum(sizes.values()), limits.bytes, "bytes of tables, unpacked", fix)


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


def length_m(path: Sequence[Point]) -> float:
    """The length of a path in metres along great circles."""
    length = 0.0
    for here, there in pairwise(path):
        length += _great_circle(here, there)
    return length


def _great_circle(here: Point, there: Point) -> float:
    """The haversine formula."""
    north, other_north = math.radians(here.latitude), math.radians(there.latitude)
    half_up = (other_north - north) / 2
    half_across = math.radians(there.longitude - here.longitude) / 2
    chord = math.sin(half_up) ** 2 + math.cos(north) * math.cos(other_north) * math.sin(half_across) ** 2
    return 2 * _EARTH_RADIUS_M * math.asin(math.sqrt(min(chord, 1.0)))
