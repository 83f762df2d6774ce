"""What the demo's stations capture: real hourly temperatures where a package brings them, else generated ones."""
import csv
import io
import os
import random
import shutil
import subprocess


def python_tables():
    """The tables of PyPI's vega_datasets; None if it is not here."""
    try:
        import vega_datasets
        folder = os.path.join(os.path.dirname(vega_datasets.__file__), "_data")
        tables = {}
        for station, file in (("seattle", "seattle-temps.csv"), ("san-francisco", "sf-temps.csv")):
            with open(os.path.join(folder, file), newline="") as table:
                tables[station] = [(row["date"][:16], row["temp"]) for row in csv.DictReader(table)]
        return "hourly temperatures of two stations, Python package vega_datasets", tables
    except (ImportError, OSError, KeyError):
        return None


def npm_tables():
    """The tables of npm's vega-datasets, installed into the cache; None if npm or the package is not to be had."""
    cache = os.environ.get("CREEL_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "creel")
    home = os.path.join(cache, "npm-data")
    data = os.path.join(home, "node_modules", "vega-datasets", "data")
    if not os.path.isdir(data) and shutil.which("npm"):
        os.makedirs(home, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", home, "vega-datasets"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False)
    try:
        tables = {}
        for station, file in (("seattle", "seattle-weather-hourly-normals.csv"), ("san-francisco", "sf-temps.csv")):
            path = os.path.join(data, file)
            if not os.path.exists(path):
                continue
            with open(path, newline="") as table:
                tables[station] = [(row["date"][:16].replace("-", "/").replace("T", " "),
                                    "%.1f" % float(row.get("temp") or float(row["temperature"]) * 1.8 + 32))
                                   for row in csv.DictReader(table)]
        return ("hourly temperatures of %d stations, npm package vega-datasets" % len(tables), tables) if tables else None
    except (OSError, KeyError, ValueError):
        return None


def generated_tables():
    draw = random.Random(2010)
    tables = {}
    for station, mean in (("north", 48.0), ("south", 57.0)):
        tables[station] = [("2010/%02d/%02d %02d:00" % (1 + day // 28, 1 + day % 28, hour),
                            "%.1f" % (mean + 12 * draw.random() + abs(12 - hour) * -0.7))
                           for day in range(336) for hour in range(24)]
    return "GENERATED temperatures (seed 2010): no package with real ones could be had", tables


def hourly_tables():
    """(name of the source, {station: [(date, temp)]}): real ones if either package index is reachable."""
    try:
        return python_tables() or npm_tables() or generated_tables()
    except subprocess.TimeoutExpired:
        return generated_tables()


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
