#!/usr/bin/env python3
"""Shapes of code that have hurt, or would: see docs/STYLE.md. Few rules, and each says what to write instead."""

import re
import subprocess

import sources
from sources import Finding

LONGEST_FILE = 500  # lines

# (rule, pattern in code without comments and literals, what to do, files that are allowed to)
FORBIDDEN = [
    ("sleep", r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(", "wait for an event with a deadline",
     {"src/main.cpp", "src/controller_main.cpp",  # a client command that repeats a question; nothing else runs in it
      "src/wal_hook.cpp"}), # a static program of libc only, waiting for the archiver's socket
    ("shell", r"(?<![\w.>])(std::|::)?(system|popen)\s*\(", "spawn through ProcessHost: no shell", set()),
    ("detach", r"\.detach\s*\(|\basio::detached\b", "keep an owner: join the thread, spawn() the coroutine", set()),
    ("catch-all", r"\bcatch\s*\(\s*\.\.\.\s*\)", "expected failure is a Result; a bug ends the program", set()),
    ("waitpid", r"(?<![\w.>])(std::|::)?(waitpid|wait3|wait4|waitid)\s*\(", "ProcessHost is the only reaper",
     {"src/host/child_processes.cpp"}),
]

BAD_NAMES = {"util", "utils", "common", "helper", "helpers", "misc", "manager", "impl"}
# In pieces, so that this file may stand in the tree itself.
MARKS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
WORKPLACE = re.compile(r"(?<![\w.$}])/wo" + r"rk/")

LAMBDA = re.compile(r"[(,]\s*\[\s*(?!&?\s*\]|this\s*\])[^\]]*\]")
BRACES = re.compile(r"([(,]|\b[A-Za-z_][\w:]*(<[^<>;]*>)?)\s*\{\s*[^\s}]")
OWNING = re.compile(r"\bstd::(string|vector|to_string|make_unique|make_shared|function)\b\s*(<[^;()]*>)?\s*\([^)]|"
                    r"\+\s*\"\"|\"\"\s*\+|[(,]\s*\"\"\s*[,)]")


def awaited(code):
    """Place and text of each expression behind a co_await: up to its `;`, or the bracket that closes around it."""
    for match in re.finditer(r"\bco_await\b", code):
        depth, end = 0, match.end()
        while end < len(code):
            letter = code[end]
            if letter in "([{":
                depth += 1
            elif letter in ")]}":
                depth -= 1
            if depth < 0 or (letter == ";" and depth == 0):
                break
            end += 1
        yield match.start(), code[match.end():end]


def check_awaits(file, code):
    findings = []
    for place, expression in awaited(code):
        line = sources.line_of(code, place)
        for what, pattern in (("a lambda with captures", LAMBDA), ("a braced value", BRACES),
                              ("an owning temporary", OWNING)):
            if pattern.search(expression):
                findings.append(Finding(file, line, "co_await", f"{what} inside co_await: gcc 12 destroys it twice; "
                                                                "name it in a variable and std::move it in"))
                break
    return findings


def check_cpp(file, text):
    code = sources.code_only(text)
    findings = check_awaits(file, code)
    for rule, pattern, instead, allowed in FORBIDDEN:
        for match in re.finditer(pattern, code):
            if file not in allowed:
                line = sources.line_of(code, match.start())
                findings.append(Finding(file, line, rule, f"{match.group(0).strip()}: {instead}"))
    return findings


def check_any(file, text):
    findings = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := MARKS.search(line):
            findings.append(Finding(file, number, "mark", f"{match.group(0)}: do it, or write an issue"))
        if WORKPLACE.search(line):
            findings.append(Finding(file, number, "workplace", "a path of one machine"))
    return findings


def check_shape(file, text):
    findings = []
    if text.count("\n") > LONGEST_FILE:
        findings.append(Finding(file, LONGEST_FILE, "length", f"more than {LONGEST_FILE} lines: two ideas?"))
    words = re.split(r"[_./-]", file.rsplit("/", 1)[-1]) + file.split("/")[:-1]
    for word in words:
        if word.lower() in BAD_NAMES:
            findings.append(Finding(file, 1, "name", f'"{word}" says nothing: name what it is'))
    return findings


def check(file, text):
    findings = check_any(file, text)
    if file.endswith((".cpp", ".hpp")):
        findings += check_shape(file, text)
        if file.startswith(("src/", "include/")):
            findings += check_cpp(file, text)
    return findings


def check_tree(root):
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True)
    # Outside of a repository (a source archive) every file counts.
    names = [name for name in listed.stdout.decode().split("\0") if name] if listed.returncode == 0 else [
        path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    findings = []
    for name in sorted(names):
        path = root / name
        parts = set(name.split("/"))
        made = name.startswith(("build", ".git/")) or parts & {"node_modules", "pgbosun-data", "__pycache__", "corpus"}
        if made or not path.is_file() or path.is_symlink():
            continue
        try:
            findings += check(name, path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
    return findings


CODE = "src/host/a.cpp"
SAMPLES = [
    ("sleep", CODE, "void f() { std::this_thread::sleep_for(1s); }\n"),
    ("sleep", CODE, "void f() { ::usleep(10); }\n"),
    ("shell", CODE, 'void f() { std::system("ls"); }\n'),
    ("shell", CODE, 'void f() { auto* p = popen("ls", "r"); }\n'),
    ("detach", CODE, "void f() { std::thread(g).detach(); }\n"),
    ("detach", CODE, "asio::co_spawn(io, g(), asio::detached);\n"),
    ("catch-all", CODE, "void f() { try { g(); } catch (...) {} }\n"),
    ("waitpid", "src/archive/a.cpp", "void f() { ::waitpid(-1, nullptr, 0); }\n"),
    ("mark", "docs/a.md", "TO" + "DO: more\n"),
    ("workplace", "scripts/a", "cd /wo" + "rk/main\n"),
    ("length", CODE, "int x;\n" * (LONGEST_FILE + 1)),
    ("name", "src/host/string_utils.cpp", "int x;\n"),
    ("name", "src/common/a.hpp", "int x;\n"),
    ("co_await", CODE, "Task<> f() { co_await g(Options{1, name}); }\n"),
    ("co_await", CODE, "Task<> f() { co_await g({1, name}); }\n"),
    ("co_await", CODE, "Task<> f() { co_await g([text] { return text; }); }\n"),
    ("co_await", CODE, "Task<> f() { co_await g(1, [&, x = y()] { return x; }); }\n"),
    ("co_await", CODE, 'Task<> f() { co_await g("a literal for a std::string"); }\n'),
    ("co_await", CODE, 'Task<> f() { co_await g(path + ".new"); }\n'),
    ("co_await", CODE, "Task<> f() { if (co_await g(std::string(view))) return; }\n"),
    (None, CODE, "Task<> f() { auto name = path; co_await g(std::move(name), {}, 5s); }\n"),
    (None, CODE, "Task<> f() { if (co_await g(name)) { h(Options{1}); } }\n"),
    (None, CODE, "Task<> f() { co_await timer.async_wait(quietly); h([text] { return text; }); }\n"),
    (None, CODE, 'Task<> f() { co_await g(1); std::string s = a + "b"; }\n'),
    (None, CODE, "Task<> f() { co_await it.wait(std::chrono::seconds(1)); }\n"),
    (None, CODE, '// never sleep(1), never catch (...)\nconst char* text = "system(1) /bin/sleep(2)";\n'),
    (None, "src/main.cpp", "void f() { std::this_thread::sleep_for(1s); }\n"),
    (None, CODE, "void f() { file_system(1); run.system(2); }\n"),
    (None, "docs/a.md", "frame/work/here and https://example.org/work/\n"),
]

if __name__ == "__main__":
    sources.run(check_tree, SAMPLES, check)
