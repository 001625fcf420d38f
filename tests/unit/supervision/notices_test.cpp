#include "supervision/notices.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

InstanceStatus well() {
    InstanceStatus status;
    status.role = Role::primary;
    status.ready = true;
    status.volumes = {{.name = "data", .path = "/v"}, {.name = "wal", .path = "/w"}};
    status.archive.emplace();
    return status;
}

std::string said(const InstanceStatus& before, const InstanceStatus& now) {
    std::string text;
    for (const auto& notice : notices(noticed(before), now)) text += notice.kind + ": " + notice.what + "\n";
    return text;
}

}  // namespace

TEST_CASE("what PostgreSQL, a volume or time has changed is noticed once, and once more when it is over") {
    struct Row {
        const char* what;
        void (*change)(InstanceStatus&);
        const char* begins;
        const char* ends;
    };
    const Row rows[] = {
        {"a silent server",
         [](InstanceStatus& it) {
             it.postgres.silent_since = Instant{};
             it.ready = false;
         },
         "postgres: PostgreSQL does not answer\nprobe: not ready\n",
         "postgres: PostgreSQL answers, or has ended\nprobe: ready\n"},
        {"a hanging volume", [](InstanceStatus& it) { it.volumes[1].hangs_since = Instant{}; },
         "volume: the wal volume hangs\n", "volume: the wal volume works again\n"},
        {"a failing volume", [](InstanceStatus& it) { it.volumes[0].error = "Input/output error"; },
         "volume: the data volume fails\n", "volume: the data volume works again\n"},
        {"a full volume", [](InstanceStatus& it) { it.volumes[0].full_since = Instant{}; },
         "volume: the data volume is full\n", "volume: the data volume works again\n"},
        {"no free connection", [](InstanceStatus& it) { it.postgres.exhausted_since = Instant{}; },
         "postgres: no connection is free\n", "postgres: connections are free again\n"},
        {"a promotion by SQL", [](InstanceStatus& it) { it.role = Role::standby; }, "postgres: the role is standby\n",
         "postgres: the role is primary\n"},
        {"a parameter that waits", [](InstanceStatus& it) { it.pending_restart = true; },
         "postgres: parameters have changed that count after a restart only\n", ""},
        {"an archive that gives nothing", [](InstanceStatus& it) { it.archive->restore_error = "503"; },
         "archive: the archive does not give WAL back\n", "archive: WAL is given back, or not asked for\n"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        InstanceStatus changed = well();
        row.change(changed);
        CHECK(said(well(), changed) == row.begins);
        CHECK(said(changed, changed).empty());
        CHECK(said(changed, well()) == row.ends);
    }
}

TEST_CASE("a volume that fails after it has hung is noticed as what it is now") {
    InstanceStatus hangs = well();
    hangs.volumes[0].hangs_since = Instant{};
    InstanceStatus fails = well();
    fails.volumes[0].error = "Input/output error";

    CHECK(said(hangs, fails) == "volume: the data volume fails\n");
}
