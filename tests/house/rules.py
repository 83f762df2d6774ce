"""The rules of the house. Each takes all files and yields (path, line, text) where it is broken."""
import os
import re

# --- floors (docs/ARCHITECTURE.md) ---------------------------------------------------------------
FLOORS = {"platform": 0, "store": 1, "filters": 1, "s3": 2, "edge": 3, "core": 3, "replicate": 3, "app": 4}
# Inside platform: who may use whom. `doors` are the headers right below platform/.
PLATFORM = {
    "base": {"base"},
    "async": {"base", "async", "doors"},
    "doors": {"base", "async", "doors"},
    "cpu": {"base", "cpu"},
    "codec": {"base", "cpu", "codec"},
    "http": {"base", "async", "doors", "http"},
    "uv": {"base", "async", "doors", "cpu", "uv"},
    "sim": {"base", "async", "doors", "sim"},
}
WORLDS = {"uv", "sim"}  # Known to app/ and tests/ only.


def room_of(path):
    return path.split("/", 1)[0]


def part_of(path):
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else "doors"


def floors(files):
    for file in files:
        if not file.is_code or room_of(file.path) not in FLOORS:
            continue
        room = room_of(file.path)
        for line, header, quoted in file.includes():
            target = room_of(header)
            if not quoted:
                continue
            if target == "tests":
                yield file.path, line, "the product includes %s" % header
            if "/" not in header or header.startswith("."):
                yield file.path, line, "%s: includes are written from the root of the tree" % header
            if target not in FLOORS:
                continue
            if target == room:
                if room == "platform" and part_of(header) not in PLATFORM.get(part_of(file.path), set()):
                    yield file.path, line, "platform/%s may not use platform/%s (%s)" % (
                        part_of(file.path), part_of(header), header)
            elif FLOORS[target] == FLOORS[room]:
                yield file.path, line, "%s and %s are siblings of floor %d (%s)" % (
                    room, target, FLOORS[room], header)
            elif FLOORS[target] > FLOORS[room]:
                yield file.path, line, "%s (floor %d) may not use %s (floor %d)" % (
                    room, FLOORS[room], header, FLOORS[target])
            elif target == "platform" and part_of(header) in WORLDS and room != "app":
                yield file.path, line, "only app/ and tests/ know %s" % header


# --- foreign headers -----------------------------------------------------------------------------
HOMES = [
    (r"uv\.h|uv/.*", ["platform/uv/"]),
    (r"llhttp\.h", ["platform/http/"]),
    (r"(mbedtls|psa)/.*", ["platform/uv/", "platform/cpu/"]),
    (r"lmdb\.h", ["store/index/"]),
    (r"isa-l/.*|isa-l\.h|erasure_code\.h|gf_vect_mul\.h|crc64\.h|crc\.h|igzip_lib\.h|mem_routines\.h",
     ["core/erasure/", "platform/cpu/", "platform/codec/"]),
    (r"zstd(_errors)?\.h|yyjson\.h|expat\.h|toml\+\+/.*", ["platform/codec/"]),
    (r"(g(test|mock))/.*", []),
    (r"sys/auxv\.h", ["platform/cpu/", "platform/uv/", "filters/"]),
    (r"(imm|[a-z]mm|x86)intrin\.h|arm_(neon|acle)\.h|cpuid\.h",
     ["platform/cpu/", "platform/codec/", "filters/"]),
]


def foreign_homes(files):
    for file in files:
        if not file.is_code or file.in_tests:
            continue
        for line, header, quoted in file.includes():
            for pattern, homes in HOMES:
                if re.fullmatch(pattern, header) and not file.path.startswith(tuple(homes)):
                    yield file.path, line, "<%s> lives in %s" % (header, " or ".join(homes) or "tests/")


# --- calls ---------------------------------------------------------------------------------------
def _scan(files, patterns, applies):
    for file in files:
        if not file.is_code or not applies(file):
            continue
        for number, line in enumerate(file.code_lines, 1):
            for pattern, why in patterns:
                if re.search(pattern, line):
                    yield file.path, number, why


THROWING = [
    (r"\bstd::sto(i|l|ll|ul|ull|f|d|ld)\s*\(", "std::sto… throws; use the parsers of platform/base"),
    (r"(\.|->)at\s*\(", ".at() throws; check the bound and index"),
    (r"\bstd::filesystem\b", "std::filesystem throws and bypasses the Disk door"),
    (r"\b(throw|dynamic_cast|typeid)\b|\bcatch\s*\(|\btry\s*\{", "no exceptions, no RTTI"),
    (r"\bassert\s*\(", "assert vanishes under NDEBUG; use check()"),
    (r"\b__int128\b", "__int128 does not exist on 32-bit ARM"),
    (r"\bstd::atomic<\s*(bool|char|(std::)?u?int(8|16)_t)\s*>|\batomic_flag\b",
     "exchanging one or two bytes needs libatomic on riscv64; take std::atomic<std::uint32_t>"),
]


def throwing_calls(files):
    yield from _scan(files, THROWING, lambda f: not f.in_tests)
    headers = {"regex", "iostream", "ranges", "format", "cassert", "assert.h", "filesystem"}
    for file in files:
        if file.is_code and not file.in_tests:
            for line, header, _ in file.includes():
                if header in headers:
                    yield file.path, line, "<%s> is banned (weight, or it throws)" % header


DOORS = [
    (r"\b(system|steady|high_resolution|utc|file)_clock\b|\b(clock_gettime|gettimeofday|uv_hrtime)\s*\(", "ask the Clock"),
    (r"(?<![\w.>])(std::|::)?time\s*\(\s*(nullptr|NULL|0|&)", "ask the Clock"),
    (r"\brandom_device\b|(?<![\w.>])s?rand\s*\(|\bgetrandom\s*\(|\barc4random", "ask Random"),
    (r"\bstd::(jthread|thread|async)\b|\bpthread_create\s*\(|\bthis_thread\b", "threads stand behind Offload"),
    (r"(?<![\w.>])(u|nano)?sleep\s*\(", "await Clock::sleep_until"),
    (r"\bstd::[io]?fstream\b|(?<![\w.>])f(re)?open\s*\(|(?<![\w.>])::(open|openat|creat|unlink|rename|mkdir|fsync|fdatasync)\s*\(",
     "ask the Disk"),
    (r"(?<![\w.>])(::)?(socket|getaddrinfo)\s*\(", "ask the Network"),
]


# The real doors; and LMDB, which maps and syncs its files by itself (the simulator has MemIndex).
REAL = ("platform/uv/", "store/index/lmdb")


def doors(files):
    yield from _scan(files, DOORS, lambda f: room_of(f.path) in FLOORS and not f.path.startswith(REAL))


def environment(files):
    homes = ("platform/uv/", "platform/cpu/", "app/main.cc", "app/config")
    yield from _scan(files, [(r"\b(secure_)?getenv\s*\(", "the environment is read in app/config only")],
                     lambda f: room_of(f.path) in FLOORS and not f.path.startswith(homes))


COROUTINES = [
    (r"\bauto\s*&{0,2}\s*\[[^\]]*\]\s*=\s*co_await\b", "no structured binding of a co_await (gcc leak)"),
    (r"\b(if|while)\s*\(\s*!?\s*\(\s*co_await\b",
     "name the awaited result on the line before (g++ 12 may never start the coroutine)"),
    (r"=\s*\(\{|\breturn\s*\(\{", "no statement-expressions (gcc PR 115851)"),
]


def coroutine_traps(files):
    yield from _scan(files, COROUTINES, lambda f: True)


def unordered_iteration(files):
    """The order of an unordered container differs between runs and machines."""
    declared = re.compile(r"\bstd::unordered_\w+\s*<.*>\s+(\w+)\s*[;{=]")
    for file in files:
        if not file.is_code or room_of(file.path) not in FLOORS:
            continue
        names = set(declared.findall("\n".join(file.code_lines)))
        base = file.path[:-3] + ".h"
        for other in files:  # Members are declared in the header.
            if other.path == base and other is not file:
                names |= set(declared.findall("\n".join(other.code_lines)))
        for number, line in enumerate(file.code_lines, 1):
            found = re.search(r"\bfor\s*\([^;]*:\s*\*?(?:this->)?(\w+)\s*\)", line)
            if found and found.group(1) in names:
                yield file.path, number, "iterates over the unordered container %s" % found.group(1)


def test_manners(files):
    yield from _scan(files, [
        (r"\bthis_thread\s*::\s*sleep|(?<![\w.>])(u|nano)?sleep\s*\(", "tests do not sleep"),
        (r"\brandom_device\b", "tests draw from tests/support/seeds.h"),
    ], lambda f: f.in_tests and not f.path.startswith("tests/bench/"))


# --- names, sizes, paths --------------------------------------------------------------------------
def names(files):
    for file in files:
        name = os.path.basename(file.path)
        if file.is_code:
            if not re.fullmatch(r"[a-z0-9_]+\.(cc|h)", name):
                yield file.path, 1, "source files are snake_case .cc and .h"
            if re.fullmatch(r"(utils?|common|helpers?|misc)\.(cc|h)", name):
                yield file.path, 1, "a file bears its noun, not '%s'" % name
            if name.endswith(".h") and file.path.split("/")[0] != "toolchains" and "#pragma once" not in file.text:
                yield file.path, 1, "a header begins with #pragma once"


def machine_paths(files):
    # In pieces, so that this file obeys its own rule.
    folders = "|".join(["ro" + "ot", "wo" + "rk", "ho" + "me/[a-z]", "Us" + "ers"])
    pattern = re.compile(r"(?<![\w./$}{-])/(%s)(/|\b(?=[\"'\s`]))" % folders)
    for file in files:
        if b"\0" in file.raw:
            continue
        for number, line in enumerate(file.lines, 1):
            if pattern.search(line):
                yield file.path, number, "a path of one machine"


def registry_hosts(files):
    hosts = ["deb.deb" + "ian.org", "pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org",
             "snapshot.deb" + "ian.org", "security.deb" + "ian.org", "docker" + ".io", "ghcr" + ".io"]
    for file in files:
        for number, line in enumerate(file.lines, 1):
            for host in hosts:
                if host in line:
                    yield file.path, number, "names the registry host %s; package clients know theirs" % host


def secrets(files):
    pattern = re.compile(r"-----BEGIN [A-Z ]*PRIVATE " + r"KEY-----\s*$|\bAKIA(?!IOSFODNN7EXAMPLE)[0-9A-Z]{16}\b")
    for file in files:
        for number, line in enumerate(file.lines, 1):
            if pattern.search(line):
                yield file.path, number, "looks like a key"


def foreign_bytes(files):
    for file in files:
        if b"\0" in file.raw and not file.path.startswith("tests/fuzz/corpus/"):
            yield file.path, 1, "a binary file; nothing built or fetched is committed"
        if len(file.raw) > 256 * 1024:
            yield file.path, 1, "%d bytes; a file of 256 KiB is hardly ours" % len(file.raw)


LINES_MAX = 600
RATCHET = "tests/house/ratchet.txt"


def read_ratchet(files):
    known = {}
    for file in files:
        if file.path == RATCHET:
            for line in file.lines:
                if line.strip() and not line.startswith("#"):
                    path, count = line.split()
                    known[path] = int(count)
    return known


def measured(files):
    return {f.path: len(f.lines) for f in files
            if f.path.endswith((".cc", ".h", ".py", ".js")) or f.path == "dev"}


def size_ratchet(files):
    """Past 600 lines a file usually holds two nouns. Known ones may shrink, never grow."""
    known, sizes = read_ratchet(files), measured(files)
    for path, count in sorted(sizes.items()):
        if path in known and count > known[path]:
            yield path, count, "grew from %d to %d lines (%s)" % (known[path], count, RATCHET)
        elif path not in known and count > LINES_MAX:
            yield path, count, "%d lines, more than %d: split it" % (count, LINES_MAX)
    for path, count in sorted(known.items()):
        if sizes.get(path, 0) <= LINES_MAX:
            yield RATCHET, 1, "%s is small enough now: take it out" % path


# --- documents ------------------------------------------------------------------------------------
README_LINES_MAX = 40


def readme_map(files):
    by_path = {f.path: f for f in files}
    root = by_path.get("README.md")
    if root is None:
        yield "README.md", 1, "is missing"
    rooms = [r for r in list(FLOORS) + ["toolchains", "tests"]
             if any(f.path.startswith(r + "/") for f in files)]
    for room in rooms:
        if root is not None and room + "/" not in root.text:
            yield "README.md", 1, "does not name the room %s/" % room
        if room + "/README.md" not in by_path:
            yield room + "/README.md", 1, "is missing: every room says what it is"
    for file in files:
        if os.path.basename(file.path) == "README.md" and room_of(file.path) in FLOORS \
                and len(file.lines) > README_LINES_MAX:
            yield file.path, len(file.lines), "%d lines, more than %d" % (len(file.lines), README_LINES_MAX)


def decisions(files):
    seen = {}
    for file in files:
        if not file.path.startswith("docs/decisions/") or file.path.endswith("/README.md"):
            continue
        found = re.fullmatch(r"docs/decisions/(\d{3})-[a-z0-9-]+\.md", file.path)
        if not found:
            yield file.path, 1, "decisions are named NNN-title.md"
            continue
        number = int(found.group(1))
        if number in seen:
            yield file.path, 1, "has the number of %s" % seen[number]
        seen[number] = file.path
    for number in range(1, len(seen) + 1):
        if number not in seen:
            yield "docs/decisions", 1, "number %03d is missing" % number
            break


# The page and the reader of the configuration know the same keys and tables.
CONFIG_PAGE = "docs/configuration.md"
CONFIG_READER = "app/config.cc"


def configuration(files):
    by_path = {f.path: f for f in files}
    page, reader = by_path.get(CONFIG_PAGE), by_path.get(CONFIG_READER)
    if page is None or reader is None:
        if page is not None or reader is not None:
            yield CONFIG_PAGE if page is None else CONFIG_READER, 1, "is missing"
        return
    told, inside = {}, False
    for number, line in enumerate(page.lines, 1):
        if line.startswith("```"):
            inside = line == "```toml"
        found = re.match(r"(\w+) = |\[\[?([\w.]+)\]\]?", line) if inside else None
        for name in (found.group(1) or found.group(2)).split(".") if found else []:
            told.setdefault(name, number)
    read = {}
    for found in re.finditer(r'\.(?:texts?|named_texts|boolean|number|address|tables?)\(\s*"(\w+)"', reader.text):
        read.setdefault(found.group(1), reader.text.count("\n", 0, found.start()) + 1)
    for name in sorted(set(read) - set(told)):
        yield CONFIG_READER, read[name], "reads `%s`, which %s does not tell" % (name, CONFIG_PAGE)
    for name in sorted(set(told) - set(read)):
        yield CONFIG_PAGE, told[name], "tells of `%s`, which nobody reads" % name


RULES = {
    "floors": floors,
    "foreign-homes": foreign_homes,
    "throwing-calls": throwing_calls,
    "doors": doors,
    "environment": environment,
    "coroutine-traps": coroutine_traps,
    "unordered-iteration": unordered_iteration,
    "test-manners": test_manners,
    "names": names,
    "machine-paths": machine_paths,
    "registry-hosts": registry_hosts,
    "secrets": secrets,
    "foreign-bytes": foreign_bytes,
    "size-ratchet": size_ratchet,
    "readme-map": readme_map,
    "decisions": decisions,
    "configuration": configuration,
}
