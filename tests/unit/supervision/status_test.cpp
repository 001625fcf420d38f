#include "supervision/status.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

// A standby that streams, a second behind nobody.
struct Standby {
    Settings settings;
    instance::InstanceState state;
    MonitoredFacts facts;
    std::optional<Inspection> inspection;
    std::optional<FenceStatus> fence;
    std::optional<ArchiveReport> archive;
    SourceReading source = SourceReading::none;
    bool started = false;
    std::vector<VolumeStatus> volumes;
    int synchronous = 0;

    Standby() {
        state.activity = instance::Running{Role::standby};
        facts.server.emplace();
        facts.server->recovery = postgres::Recovery::standby;
        facts.server->lsn.streaming = true;
        facts.server->lsn.lag_bytes = 0;
        facts.server_at = Instant{};
        facts.came_up_once = true;
    }
    [[nodiscard]] InstanceStatus status() const {
        return assemble({.settings = settings,
                         .state = state,
                         .facts = facts,
                         .inspection = inspection,
                         .fence = fence,
                         .postmaster_pid = 7,
                         .archive = archive,
                         .volumes = volumes,
                         .source = source,
                         .started = started,
                         .synchronous = synchronous});
    }
};

}  // namespace

TEST_CASE("a standby is ready by its lag, and not while that is unknown") {
    struct Row {
        std::optional<std::uint64_t> limit, lag;
        const char* why;  // not ready; empty: ready
    };
    const Row rows[] = {
        {std::nullopt, std::nullopt, ""},
        {std::nullopt, 1'000'000, ""},
        {1000, 0, ""},
        {1000, 1000, ""},
        {1000, 1001, "the standby lags by 1001 bytes, more than 1000"},
        {1000, std::nullopt, "how far the standby lags is not known"},
    };
    for (const Row& row : rows) {
        Standby standby;
        standby.settings.probes.max_lag_bytes = row.limit;
        standby.facts.server->lsn.lag_bytes = row.lag;
        CHECK(standby.status().ready_reason == row.why);
    }
}

TEST_CASE("an archive that gives nothing back is the reason of who has nothing else to follow") {
    Standby standby;
    standby.archive.emplace().restore_error = "00000001000000000000000A: 503";
    CHECK(standby.status().reason.empty());

    standby.facts.server->lsn.streaming = false;

    const auto status = standby.status();
    CHECK(status.reason == "the archive does not give WAL back: 00000001000000000000000A: 503");
    CHECK_FALSE(status.hint.empty());
}

TEST_CASE("who follows an archive is ready without a stream, and by lag when it has replayed what the archive has") {
    struct Row {
        SourceReading source;
        ReadyStrategy strategy;
        std::optional<std::uint64_t> limit;
        const char* why;  // not ready; empty: ready
    };
    const Row rows[] = {
        {SourceReading::none, ReadyStrategy::query, {}, ""},
        {SourceReading::none, ReadyStrategy::streaming, {}, "the standby is not streaming"},
        {SourceReading::behind, ReadyStrategy::streaming, {}, ""},
        {SourceReading::behind, ReadyStrategy::query, 1000, "how far the standby lags is not known"},
        {SourceReading::at_its_end, ReadyStrategy::streaming, 1000, ""},
    };
    for (const Row& row : rows) {
        Standby standby;
        standby.facts.server->lsn.streaming = false;
        standby.facts.server->lsn.lag_bytes.reset();
        standby.source = row.source;
        standby.settings.probes.ready = row.strategy;
        standby.settings.probes.max_lag_bytes = row.limit;
        standby.settings.probes.startup = StartupStrategy::streaming;
        const auto status = standby.status();
        CHECK(status.ready_reason == row.why);
        CHECK(status.lsn.from_archive == (row.source != SourceReading::none));
        CHECK(status.started == (row.source != SourceReading::none));
    }

    Standby promoted;
    promoted.source = SourceReading::at_its_end;
    promoted.facts.server->recovery = postgres::Recovery::none;
    CHECK_FALSE(promoted.status().lsn.from_archive);
}

TEST_CASE("a primary whose data volume is full is not ready, whatever postgres says; a standby is") {
    struct Row {
        Role role;
        const char* volume;
        const char* unready;
    };
    const Row rows[] = {
        {Role::primary, "data", "the data volume is full: 2 kB left of 4 kB"},
        {Role::primary, "wal", ""},
        {Role::standby, "data", ""},
    };
    for (const Row& row : rows) {
        Standby it;
        it.state.activity = instance::Running{row.role};
        if (row.role == Role::primary) it.facts.server->recovery = postgres::Recovery::none;
        it.volumes = {{.name = row.volume, .path = "/v", .total_bytes = 4096, .available_bytes = 2048}};
        CHECK(it.status().reason.empty());

        it.volumes[0].full_since = Instant{};

        const auto status = it.status();
        CHECK(status.reason == "the " + std::string(row.volume) + " volume is full: 2 kB left of 4 kB");
        CHECK(status.hint == "make room on /v, or enlarge it");
        CHECK(status.ready_reason == row.unready);
    }
}

TEST_CASE("a primary whose commits wait for standbys that are not there says so") {
    struct Row {
        int needed;
        std::vector<StandbyStatus> standbys;
        const char* reason;
    };
    const StandbyStatus counted{.name = "pg-2", .state = "streaming", .sync = "quorum"};
    const StandbyStatus other{.name = "x", .state = "streaming", .sync = "async"};
    const Row rows[] = {
        {0, {}, ""},
        {1, {counted}, ""},
        {1, {other}, "clients wait: no synchronous standby is connected"},
        {1, {}, "clients wait: no synchronous standby is connected"},
        {2, {counted, other}, "clients wait: of 2 synchronous standbys that are needed only 1 is connected"},
    };
    for (const Row& row : rows) {
        Standby it;
        it.state.activity = instance::Running{Role::primary};
        it.facts.server->recovery = postgres::Recovery::none;
        it.facts.server->standbys = row.standbys;
        it.facts.server->synchronous_standby_names = row.needed > 0 ? "ANY 1 (\"pg-2\")" : "";
        it.synchronous = row.needed;

        CHECK(it.status().reason == row.reason);
        CHECK(it.status().hint.empty() == it.status().reason.empty());
        CHECK(it.status().ready);
    }
}

TEST_CASE("why nothing is archived is said, also of a primary whose right to write is over") {
    Standby of_it;
    of_it.settings.archive.emplace();
    auto status = of_it.status();
    status.system_id = SystemId{7};
    explain_archive(status, of_it.settings, of_it.inspection);
    CHECK(status.archive_refused == "a standby does not archive");

    status.role = Role::primary;
    explain_archive(status, of_it.settings, of_it.inspection);
    CHECK_FALSE(status.archive_refused);
    status.managed.emplace();
    status.valid_until = status.now;
    explain_archive(status, of_it.settings, of_it.inspection);
    CHECK(status.archive_refused == "the instance has no right to write");

    of_it.settings.archive.reset();
    explain_archive(status, of_it.settings, of_it.inspection);
    CHECK_FALSE(status.archive_refused);
}

TEST_CASE("a clone that takes its time is alive, and has not come up") {
    const instance::Activity long_ones[] = {instance::Bootstrapping{}, instance::Rejoining{}, instance::Launching{}};
    for (const auto& activity : long_ones) {
        Standby cloning;
        cloning.state.activity = activity;
        cloning.facts = MonitoredFacts{};
        const auto status = cloning.status();
        CHECK(status.live);
        CHECK_FALSE(status.started);
        CHECK_FALSE(status.ready);
    }
}

TEST_CASE("what has started once stays started, whatever becomes of its stream and its server") {
    Standby standby;
    standby.settings.probes.startup = GENERATE(StartupStrategy::streaming, StartupStrategy::query);
    standby.facts.silent_since = Instant{};
    standby.facts.server->lsn.streaming = false;
    CHECK_FALSE(standby.status().started);

    standby.started = true;
    CHECK(standby.status().started);
}
