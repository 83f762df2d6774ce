"""The files of the project as the rules see them."""
import os
import re
import subprocess

CODE = (".cc", ".h")
TEXT = CODE + (".py", ".md", ".txt", ".cmake", ".json", ".toml", ".sh", ".lock", ".js", "")

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^\s()\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def _blank(match):
    """Comments and literals become spaces; newlines stay, so that line numbers hold."""
    text = match.group(0)
    # A digit separator (1'000'000) is no character literal.
    if text[0] == "'" and match.start() and match.string[match.start() - 1].isalnum() \
            and match.string[match.start() - 1] not in "uUL":
        return text
    return re.sub(r"[^\n]", " ", text)


class File:
    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), "rb") as file:
            self.raw = file.read()
        self.text = self.raw.decode("utf-8", errors="replace")
        self.lines = self.text.split("\n")
        if self.lines and self.lines[-1] == "":
            self.lines.pop()
        self._code = None

    @property
    def is_code(self):
        return self.path.endswith(CODE)

    @property
    def in_tests(self):
        return self.path.startswith("tests/")

    @property
    def code_lines(self):
        """Lines without comments and literals; #include lines keep their file name."""
        if self._code is None:
            self._code = _TOKEN.sub(_blank, self.text).split("\n")
        return self._code

    def includes(self):
        """(line number, header, quoted?)"""
        for number, line in enumerate(self.lines, 1):
            found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if found:
                yield number, found.group(2), found.group(1) == '"'

    def allowed(self, number, rule):
        """`// house: allow RULE: why` on the line, or alone on the line above."""
        wanted = re.compile(r"house: allow %s: \S" % re.escape(rule))
        here = self.lines[number - 1] if number <= len(self.lines) else ""
        above = self.lines[number - 2].strip() if number >= 2 else ""
        return bool(wanted.search(here) or (above.startswith(("//", "#")) and wanted.search(above)))


def load(root):
    """Every file git tracks or would track; without git, every file outside build folders."""
    if os.path.exists(os.path.join(root, ".git")):
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True).stdout.decode().split("\0")
    else:
        listed = []
        for folder, folders, names in os.walk(root):
            folders[:] = [f for f in folders if f not in ("build", ".deps", ".git", "__pycache__")]
            listed += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    paths = sorted(p for p in set(listed) if p and os.path.isfile(os.path.join(root, p))
                   and not os.path.islink(os.path.join(root, p)))
    return [File(root, path) for path in paths]
