"""What the lints share: which files there are, C++ without comments and literals, and how a finding is reported."""

import pathlib
import re
import sys
from typing import NamedTuple

CPP = {".cpp", ".hpp"}


class Finding(NamedTuple):
    file: str
    line: int
    rule: str
    text: str


def cpp_files(root, folders):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in CPP:
                yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'""", re.DOTALL)


def code_only(text):
    """The same text with comments blank and each literal as "" or '': every character keeps its line."""

    def blank(match):
        token = match.group(0)
        kept = token[0] * 2 if token[0] in "\"'" else '""' if token.startswith('R"') else ""
        return kept + "\n" * token.count("\n")

    return TOKEN.sub(blank, text)


def line_of(text, place):
    return text.count("\n", 0, place) + 1


def run(check_tree, samples, check_sample):
    """First the lint itself, on samples it must and must not catch; then the tree named on the command line."""
    wrong = []
    for expected, name, text in samples:
        found = {finding.rule for finding in check_sample(name, text)}
        if found != ({expected} if expected else set()):
            wrong.append(f"self-test: {name}: expected {expected}, found {sorted(found) or None}:\n{text}")
    if wrong:
        sys.exit("\n".join(wrong))
    findings = check_tree(pathlib.Path(sys.argv[1]))
    for finding in findings:
        print(f"{finding.file}:{finding.line}: {finding.rule}: {finding.text}")
    print(f"{len(samples)} samples judged rightly, {len(findings)} findings in the tree")
    sys.exit(1 if findings else 0)
