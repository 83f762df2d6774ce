"""What the demo's stations capture: real hourly temperatures where a package brings them, else generated ones."""
import csv
import io
import os
import random


def hourly_tables():
    """(name of the source, {station: [(date, temp)]})"""
    try:
        import vega_datasets
        folder = os.path.join(os.path.dirname(vega_datasets.__file__), "_data")
        tables = {}
        for station, file in (("seattle", "seattle-temps.csv"), ("san-francisco", "sf-temps.csv")):
            with open(os.path.join(folder, file), newline="") as table:
                tables[station] = [(row["date"][:16], row["temp"]) for row in csv.DictReader(table)]
        return "hourly temperatures of two stations, package vega_datasets", tables
    except (ImportError, OSError, KeyError):
        draw = random.Random(2010)
        tables = {}
        for station, mean in (("north", 48.0), ("south", 57.0)):
            tables[station] = [("2010/%02d/%02d %02d:00" % (1 + day // 28, 1 + day % 28, hour),
                                "%.1f" % (mean + 12 * draw.random() + abs(12 - hour) * -0.7))
                               for day in range(336) for hour in range(24)]
        return "GENERATED temperatures (seed 2010): no package with real ones is here", tables


OPERATORS = ("A. Berg", "L. Costa", "M. Okafor")  # Invented: who must not leave the site.


def captures():
    """(source, {key: bytes}): one CSV a station and day, with the columns a station would add."""
    source, tables = hourly_tables()
    objects = {}
    for station, rows in tables.items():
        days = {}
        for date, temp in rows:
            days.setdefault(date[:10].replace("/", "-"), []).append((date, temp))
        for number, (day, hours) in enumerate(sorted(days.items())):
            out = io.StringIO()
            table = csv.writer(out, lineterminator="\n")
            table.writerow(["station", "operator", "date", "temp"])
            for date, temp in hours:
                table.writerow([station, OPERATORS[number % len(OPERATORS)], date, temp])
            objects["wx/%s/%s.csv" % (station, day)] = out.getvalue().encode()
    return source, objects


def binaries(seed=7):
    """{key: bytes} of 1 to 64 MiB, as a camera would leave them: they do not compress."""
    draw = random.Random(seed)
    return {"cam/frame-%02d.bin" % mib: draw.randbytes(mib * 2**20) for mib in (1, 4, 16, 64)}
