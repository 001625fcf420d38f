#!/usr/bin/env python3
"""Every configuration key that a page of docs/ names in backticks is one: of an instance, or of a controller."""

import re

import sources
from sources import Finding

PREFIX = re.compile(r'const std::string (\w+) = "([a-z_.]+\.)";')
JOINED = re.compile(r'\b(\w+) \+ "([a-z_]+)"')
WHOLE = re.compile(r'[({]\s*"([a-z_]+(?:\.[a-z_]+)*)"')
# `key`, `key: value`, `section.*`; a first word alone may be any word.
NAMED = re.compile(r"`([a-z_]+(?:\.[a-z_]+)+)(\.\*)?(:[^`\n]*)?`")
FILES = {"archive.sock", "backup.info", "postgresql.conf", "postgresql.auto.conf"}


def instance_keys(text):
    """From src/app/settings_keys.cpp, where a path is a literal, or a constant and a literal."""
    prefixes = dict(PREFIX.findall(text))
    table = text.split("optional_sections()")[0]
    keys = {prefixes[name] + rest for name, rest in JOINED.findall(table) if name in prefixes}
    return keys | {key for key in WHOLE.findall(table) if "." in key}


def check(file, text, keys):
    sections = {key[:place] for key in keys for place in range(len(key)) if key[place] == "."}
    tops = {key.split(".")[0] for key in keys}
    findings = []
    for match in NAMED.finditer(text):
        name, whole_section, value = match.groups()
        if name.split(".")[0] not in tops or name in FILES:
            continue
        # Who gives a value means a key.
        known = sections if whole_section else keys if value else keys | sections
        if name.replace("bootstrap.recovery.source.", "archive.") not in known | {"bootstrap.recovery.source"}:
            line = sources.line_of(text, match.start())
            findings.append(Finding(file, line, "key", f"`{name}` is no key of the configuration"))
    return findings


def check_tree(root):
    keys = instance_keys((root / "src/app/settings_keys.cpp").read_text(encoding="utf-8"))
    controller = (root / "src/app/controller_settings.cpp").read_text(encoding="utf-8")
    keys |= set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', controller))
    findings = []
    for page in sorted((root / "docs").rglob("*.md")):
        findings += check(page.relative_to(root).as_posix(), page.read_text(encoding="utf-8"), keys)
    return findings


KEYS = instance_keys('const std::string deck = "ship.deck."; keys.push_back(truth(deck + "wet", x));'
                     'keys.push_back(text("log.level", y)); keys.push_back(text("archive.region", y));'
                     'keys.push_back(texts(\n    "archive.prefix", y));'
                     'optional_sections() { {"ship.mast", z} }')
SAMPLES = [
    ("key", "docs/a.md", "set `log.colour` to red\n"),
    ("key", "docs/a.md", "`ship.deck.dry`\n"),
    ("key", "docs/a.md", "`ship.mast`\n"),
    ("key", "docs/a.md", "`ship.deck: wet`\n"),
    ("key", "docs/a.md", "`log.level.*`\n"),
    ("key", "docs/a.md", "`bootstrap.recovery.source.mast`: `archive.mast`\n"),
    (None, "docs/a.md", "`log.level: info`, `ship.deck.wet`, `ship.deck`, `ship.deck.*`, `log`, `archive.sock`\n"),
    (None, "docs/a.md", "`archive.prefix`\n"),
    (None, "docs/a.md", "`bow.deck`, log.colour, `pgbosun log.colour`, `log.Colour`, `archive.region`\n"),
]

if __name__ == "__main__":
    sources.run(check_tree, SAMPLES, lambda file, text: check(file, text, KEYS))
