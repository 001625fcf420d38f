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
                         .source = source,
                         .started = started});
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
