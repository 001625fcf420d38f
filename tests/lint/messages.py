#!/usr/bin/env python3
"""Every message that pgbosun logs, and every reason that it gives in status, in a probe or for a refusal, is explained in
docs/operations.md."""

import re

import sources
from sources import Finding

CALL = re.compile(r"\blog::(?:info|warning|error|write)\s*\(")
REASON = re.compile(r"\bcase (?:Verdict::refused_|Refusal::)\w+:\s*return (?=\")")
STATUS = re.compile(r"\bset_reason\s*\(|(?:\.|->)reason = ")
# What PID 1 fails at becomes the reason in status.
FAULT = re.compile(r"\bfail\s*\(\s*FaultKind::\w+,\s*")
FAULTS_OF = "src/supervision/"
RETURN = re.compile(r"\breturn\b(?=[^;]*\")")
# Functions that answer why not, and no other text.
RETURNS_OF = {"src/http/role_checks.cpp", "src/http/probes.cpp", "src/supervision/status.cpp"}
LITERAL = re.compile(r'"((?:\\.|[^"\\\n])*)"')
SHORTEST = 6  # letters: "; " and the like join what is variable


def first_argument(text, place, then=""):
    """From behind the bracket to the comma before `then`, or the bracket, that ends the argument."""
    depth, end, quoted = 0, place, False
    while end < len(text):
        letter = text[end]
        if letter == '"' and text[end - 1] != "\\":
            quoted = not quoted
        elif not quoted and letter in "([{":
            depth += 1
        elif not quoted and letter in ")]}":
            depth -= 1
        if depth < 0 or (not quoted and depth == 0 and letter == "," and text[end + 1:].lstrip().startswith(then)) or letter == ";":
            break
        end += 1
    return text[place:end]


def plain(text):
    return re.sub(r"[`*\\]", "", text)


def check(file, text, page):
    findings = []
    # Of log::write the second argument counts too.
    pieces = [(m.start(), first_argument(text, m.end(), then="{")) for m in CALL.finditer(text)]
    reasons = re.split(r"string_view hint\((?:Verdict|Refusal)", text)[0]  # the hints explain themselves
    pieces += [(m.start(), text[m.end():text.index(";", m.end())]) for m in REASON.finditer(reasons)]
    pieces += [(m.start(), first_argument(text, m.end())) for m in STATUS.finditer(text)]
    if file.startswith(FAULTS_OF):
        pieces += [(m.start(), first_argument(text, m.end())) for m in FAULT.finditer(text)]
    if file in RETURNS_OF:
        pieces += [(m.start(), text[m.end():text.index(";", m.end())]) for m in RETURN.finditer(text)]
    for place, argument in pieces:
        # Literals that follow each other are one.
        for literal in LITERAL.findall(re.sub(r'"\s*\n\s*"', "", argument)):
            message = plain(literal).strip(" :;,")
            if len(message) >= SHORTEST and message not in page:
                line = sources.line_of(text, place)
                findings.append(Finding(file, line, "message", f'"{message}" is not explained in docs/operations.md'))
    return findings


def check_tree(root):
    page = plain((root / "docs/operations.md").read_text(encoding="utf-8"))
    findings = []
    for file, text in sources.cpp_files(root, ["src"]):
        findings += check(file, text, page)
    return findings


PAGE = plain("| `the guard has ended: `*why* | restarted; `the instance is fenced` |")
SAMPLES = [
    ("message", "src/app/a.cpp", 'log::error("the deck is on fire: " + fault.what);\n'),
    ("message", "src/app/a.cpp", 'log::info(wet ? "the guard has ended" : "the mast is down", {{"a", b}});\n'),
    ("message", "src/app/a.cpp", "case Verdict::refused_drunk: return \"the bosun is drunk\";\n"),
    ("message", "src/app/a.cpp", 'case Refusal::drunk:\n    return "the bosun is drunk";\n'),
    ("message", "src/app/a.cpp", 'set_reason("the mast is down", "the guard has ended");\n'),
    ("message", "src/app/a.cpp", 'status.reason = "the mast is down";\n'),
    ("message", "src/app/a.cpp", 'report->reason = found ? text : "the mast is down";\n'),
    ("message", "src/supervision/a.cpp", 'co_return fail(FaultKind::refused, "the mast is down: " + why);\n'),
    ("message", "src/http/probes.cpp", 'return {503, "the mast is down"};\n'),
    (None, "src/http/probes.cpp", 'return {503, or_phase(why)};\nfind("the mast is down");\n'),
    (None, "src/app/a.cpp", 'return fail(FaultKind::refused, "the mast is down");\n'),
    (None, "src/app/a.cpp", 'set_reason(why, "the mast is down"); x.reason = "the guard has ended: " + f(a, b);\n'),
    (None, "src/supervision/a.cpp", 'fail(FaultKind::refused, "the guard has ended", "the mast is down");\n'),
    (None, "src/app/a.cpp", 'log::error("the guard has ended: " + text, {{"hint", "the mast is down"}});\n'),
    (None, "src/app/a.cpp", "log::info(line); case Verdict::refused_fenced: return \"the instance is fenced\";\n"),
]

if __name__ == "__main__":
    sources.run(check_tree, SAMPLES, lambda file, text: check(file, text, PAGE))
