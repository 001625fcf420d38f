#!/usr/bin/env python3
"""docs/scenarios.md names tests: each file is there, and has what is quoted of it."""

import re

import sources
from sources import Finding

PAGE = "docs/scenarios.md"
# `file`: "phrase", "phrase"
NAMED = re.compile(r'`([a-z_]+/[\w./]+\.\w+)`((?:(?:: |, )"[^"]+")+)')
QUOTED = re.compile(r'"([^"]+)"')


def check(text, read):
    findings = []
    for match in NAMED.finditer(text):
        file, phrases = match.groups()
        content, line = read(file), sources.line_of(text, match.start())
        if content is None:
            findings.append(Finding(PAGE, line, "file", f"{file} is not there"))
            continue
        # A sentence may go over two lines, or over two literals.
        flat = re.sub(r'"\s*"', "", content)
        for phrase in QUOTED.findall(phrases):
            if phrase not in flat:
                findings.append(Finding(PAGE, line, "test", f'{file} has no "{phrase}"'))
    return findings


def check_tree(root):
    def read(file):
        for place in (root / "tests" / file, root / file):
            if place.is_file():
                return place.read_text(encoding="utf-8")
        return None
    return check((root / PAGE).read_text(encoding="utf-8"), read)


FILES = {"unit/a_test.cpp": 'TEST_CASE("one is not two, "\n          "nor three") {'}
SAMPLES = [
    (None, "there", '`unit/a_test.cpp`: "one is not two"'),
    (None, "over two literals", '`unit/a_test.cpp`: "two, nor three"'),
    ("file", "gone", '`unit/b_test.cpp`: "one is not two"'),
    ("test", "another name", '`unit/a_test.cpp`: "one is two"'),
    ("test", "the second one", '`unit/a_test.cpp`: "one is not two", "one is two"'),
    (None, "no test is named", "`unit/a_test.cpp` has it"),
]

if __name__ == "__main__":
    sources.run(check_tree, SAMPLES, lambda _, text: check(text, FILES.get))
