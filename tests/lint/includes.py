#!/usr/bin/env python3
"""The include rule of docs/ARCHITECTURE.md. A change of these tables is a design decision: docs/decisions/."""

import re

import sources
from sources import Finding

# Which other modules of src/ a module may include. Everybody may include include/pgbosun and itself.
ALL = {"app", "archive", "backup", "cluster_record", "codec", "controller", "host", "http", "instance", "object_store",
       "postgres", "supervision", "wal"}
MAY_INCLUDE = {
    "vocabulary": set(),
    "wal": set(),
    "instance": {"wal"},
    "host": set(),
    "codec": set(),
    "object_store": set(),
    "http": set(),
    "postgres": {"wal"},
    "supervision": {"instance", "wal", "postgres"},  # docs/decisions/0002
    "archive": {"wal", "codec"},
    "backup": {"archive", "wal", "codec"},  # docs/decisions/0006
    "controller": {"instance", "wal"},
    "cluster_record": {"http"},  # docs/decisions/0030
    "app": ALL,
    "main": ALL,  # src/*.cpp
    "include/pgbosun": set(),
}

# The homes of each library. A second home wants a reason, which stands here.
LIBRARY_HOMES = {
    "Boost.Asio": (r"boost/(asio|system)", {"vocabulary", "host", "postgres", "http", "supervision", "archive", "backup", "app",
                                            "cluster_record", "controller",
                                            "main", "include/pgbosun"}),  # the loop itself: Task
    "Boost.Beast": (r"boost/beast", {"http"}),
    "another part of Boost": (r"boost/(?!asio|system|beast)", set()),
    "nlohmann_json": (r"nlohmann/", {"http", "archive", "backup", "postgres", "object_store",  # API, link, manifest, jsonlog, tokens
                                            "cluster_record", "controller"}),  # etcd and Kubernetes, the record
    "yaml-cpp": (r"yaml-cpp/", {"app", "postgres"}),                   # configuration, metric queries
    "spdlog": (r"(spdlog|fmt)/", {"host"}),
    "CLI11": (r"CLI/", {"app"}),
    "libpq": (r"libpq", {"postgres"}),
    "prometheus-cpp": (r"prometheus/", {"http"}),
    "OpenSSL": (r"openssl/", {"http", "object_store", "backup"}),      # TLS of the server, signing of requests, manifest
    "libcurl": (r"curl/", {"object_store"}),
    "pugixml": (r"pugixml", {"object_store"}),
    "zstd": (r"zstd", {"codec"}),
    "lz4": (r"lz4", {"codec"}),
    "zlib": (r"zlib", {"codec"}),
    "bzip2": (r"bzlib", {"codec"}),
    "liblzma": (r"lzma", {"codec"}),
    "snappy": (r"snappy", {"codec"}),
    "libarchive": (r"archive(_entry)?\.h", set()),  # only tests
    "xxHash": (r"xxhash", {"codec"}),
    "Catch2": (r"catch2/", set()),
}

# Facts and decisions compute: no loop, no threads, no clock, no log.
PURE = {"instance", "wal"}
IMPURE = re.compile(r"boost/|thread|mutex|fstream|iostream|filesystem|unistd\.h|sys/|pgbosun/(log|task|file_system)\.hpp")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def module_of(file):
    parts = file.split("/")
    if parts[0] == "include":
        return "include/pgbosun"
    return parts[1] if len(parts) > 2 else "main"


def check(file, text):
    module = module_of(file)
    if module not in MAY_INCLUDE:
        return [Finding(file, 1, "module", f"src/{module} is in no row of the table in tests/lint/includes.py")]
    findings = []
    for match in INCLUDE.finditer(text):
        line, bracket, name = sources.line_of(text, match.start(1)), match.group(1), match.group(2)
        first = name.split("/")[0]
        if bracket == '"' and first != "pgbosun" and first != module:
            if "/" not in name or name.startswith("."):
                findings.append(Finding(file, line, "path", f'"{name}": write it from src: "module/file.hpp"'))
            elif first not in MAY_INCLUDE[module]:
                allowed = ", ".join(sorted(MAY_INCLUDE[module])) or "nothing else of src"
                findings.append(Finding(file, line, "module", f"{module} may not include {name}; it sees {allowed}"))
        for library, (pattern, homes) in LIBRARY_HOMES.items():
            if bracket == "<" and re.match(pattern, name) and module not in homes:
                place = ", ".join(sorted(homes)) or "nowhere"
                findings.append(Finding(file, line, "library", f"<{name}>: {library} is at home in {place}"))
        if module in PURE and IMPURE.match(name):
            findings.append(Finding(file, line, "pure", f"{module} is pure: <{name}> is not for it"))
    return findings


def check_tree(root):
    findings = []
    for file, text in sources.cpp_files(root, ["src", "include"]):
        findings += check(file, text)
    return findings


SAMPLES = [
    ("module", "src/http/a.cpp", '#include "host/signals.hpp"\n'),
    ("module", "src/supervision/a.cpp", '#include "host/signals.hpp"\n'),
    ("module", "src/instance/a.cpp", '#include "supervision/status.hpp"\n'),
    ("module", "include/pgbosun/a.hpp", '#include "wal/segment.hpp"\n'),
    ("module", "src/tools/a.cpp", "\n"),
    ("path", "src/http/a.cpp", '#include "wire.hpp"\n'),
    ("path", "src/http/a.cpp", '#include "../host/signals.hpp"\n'),
    ("library", "src/supervision/a.cpp", "#include <nlohmann/json.hpp>\n"),
    ("library", "src/http/a.cpp", "#include <spdlog/spdlog.h>\n"),
    ("library", "src/app/a.cpp", "#  include <libpq-fe.h>\n"),
    ("library", "src/host/a.cpp", "#include <boost/beast/http.hpp>\n"),
    ("library", "src/host/a.cpp", "#include <boost/process.hpp>\n"),
    ("pure", "src/instance/a.cpp", "#include <unistd.h>\n"),
    ("pure", "src/wal/a.hpp", '#include "pgbosun/log.hpp"\n'),
    (None, "src/supervision/a.cpp", '#include "postgres/tools.hpp"\n#include "instance/decide.hpp"\n#include <string>\n'),
    (None, "src/archive/a.cpp", '#include "codec/compressor.hpp"\n#include <nlohmann/json.hpp>\n'),
    (None, "src/main.cpp", '#include "app/run.hpp"\n#include "host/signals.hpp"\n'),
    (None, "src/http/a.cpp", '#include "http/wire.hpp"\n#include "pgbosun/log.hpp"\n#include <sys/socket.h>\n'),
]

if __name__ == "__main__":
    sources.run(check_tree, SAMPLES, check)
