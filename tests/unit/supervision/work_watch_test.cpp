#include "supervision/work_watch.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

constexpr Instant begin{1000s};

InstanceStatus cloning(std::uint64_t done, std::uint64_t total) {
    InstanceStatus status;
    status.phase = Phase::rejoining;
    status.progress = ProgressStatus{"pg_basebackup", done, total, begin};
    return status;
}

std::string said(const WorkWatch& watch, InstanceStatus status, Instant now) {
    watch.explain(status, now);
    return status.reason;
}

}  // namespace

TEST_CASE("a clone whose bytes stand still says so after five minutes, and not while they move") {
    WorkWatch watch;
    watch.look(cloning(5, 10), begin);
    watch.look(cloning(5, 10), begin + 1min);
    CHECK(said(watch, cloning(5, 10), begin + 4min + 59s).empty());
    CHECK(said(watch, cloning(5, 10), begin + 5min) == "pg_basebackup has not moved for some minutes");

    watch.look(cloning(6, 10), begin + 5min);
    CHECK(said(watch, cloning(6, 10), begin + 6min).empty());
}

TEST_CASE("work whose bytes nobody counts, none at all, and what another reason is given for, is not said to hang") {
    WorkWatch watch;
    watch.look(cloning(0, 0), begin);
    CHECK(said(watch, cloning(0, 0), begin + 1h).empty());

    watch.look(cloning(5, 10), begin);
    watch.look(InstanceStatus{}, begin + 1min);
    CHECK(said(watch, cloning(5, 10), begin + 1h).empty());

    watch.look(cloning(5, 10), begin + 1h);
    auto told = cloning(5, 10);
    told.reason = "the data volume hangs";
    CHECK(said(watch, told, begin + 2h) == "the data volume hangs");
}
