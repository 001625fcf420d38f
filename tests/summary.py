"""What a run of the tests comes to: how many passed, and what was skipped and why, also within a program of many tests.

summary.py TESTLOG     meson's testlog.json; ends with 1 when a test failed or was skipped that should have run, or none passed
"""

import json
import os
import re
import sys

# By the test's name, reasons that are no fault: what scripts/setup cannot install on each Debian, or takes long.
EXPECTED = {
    "integration-incremental": "makes no incremental backups",  # PostgreSQL before 17
    "integration-slots": "synchronizes no logical slots",  # PostgreSQL before 17
    "integration-barman": "Barman cannot write snappy here|writes WAL with gzip, bzip2 and snappy only",
    "contract-cluster-record-kubernetes-real": "there is no kube-apiserver",
    "image": "",
    "manifests": "kustomize",
    "lint-format": "there is no clang-format",
    # What a container may not do.
    "integration-hung_volume": "there is no loop device|nothing can be mounted",
    "unit-host": "no file system in user space can be mounted",
    "chaos": "no network namespace|no mount namespace|no router",
    "chaos-asynchronous": "no network namespace|no mount namespace|no router",
}
# (name, result, what it printed, whether it should have run), which are judged first.
SAMPLES = (
    ("unit-x", "OK", "", False),
    ("image", "SKIP", "SKIPPED: podman is not installed\n", False),
    ("integration-incremental", "SKIP", "SKIPPED: PostgreSQL 15 makes no incremental backups\n", False),
    ("integration-incremental", "SKIP", "SKIPPED: there is no etcd\n", True),
    ("integration-controller", "SKIP", "SKIPPED: there is no etcd\n", True),
    ("integration-routing", "OK", "test_x ... skipped\nSKIPPED: there is no haproxy\n", True),
    ("unit-x", "SKIP", "77 tests failed\n", True),
)


def skipped(name, result, printed, is_root=True):
    """(reason, whether it should have run) of all that was skipped."""
    reasons = re.findall(r"(?m)^SKIPPED: (.*)$", printed)
    if result == "SKIP" and not reasons:
        return [("it does not say why", True)]
    return [(it, not (name in EXPECTED and re.search(EXPECTED[name], it)) and (is_root or "root" not in it)) for it in reasons]


def main():
    for name, result, printed, should_have_run in SAMPLES:
        if any(it for _, it in skipped(name, result, printed)) != should_have_run:
            sys.exit(f"summary: the sample {name}, {printed!r} is judged wrongly")
    with open(sys.argv[1], encoding="utf-8") as file:
        results = [json.loads(line) for line in file]
    ended = [it["result"] for it in results]
    passed, left_out = sum(it in ("OK", "EXPECTEDFAIL") for it in ended), ended.count("SKIP")
    missed = 0
    for it in results:
        name = it["name"].rsplit(" / ", 1)[-1]
        for reason, should_have_run in skipped(name, it["result"], it.get("stdout", "") + "\n" + it.get("stderr", ""),
                                               os.geteuid() == 0):
            missed += should_have_run
            how = "" if it["result"] == "SKIP" else "in part "
            print(f"{how}skipped{', and should have run' if should_have_run else ''}: {name}: {reason}")
    failed = len(ended) - passed - left_out
    print(f"{passed} passed, {failed} failed, {left_out} skipped" + (f"; {missed} should have run" if missed else ""))
    return 1 if failed or missed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
