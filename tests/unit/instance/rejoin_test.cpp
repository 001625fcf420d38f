#include "instance/rejoin.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::instance;

namespace {

constexpr Lsn forked{0x5000};
constexpr Lsn before{0x4fff};
constexpr Lsn after{0x5001};

wal::TimelineHistory on_one() { return {Timeline{1}, {}}; }
wal::TimelineHistory on_two(Lsn left = forked) { return {Timeline{2}, {{Timeline{1}, left, ""}}}; }
wal::TimelineHistory on_three() { return {Timeline{3}, {{Timeline{1}, forked, ""}, {Timeline{2}, Lsn{0x9000}, ""}}}; }

LocalData local(LocalEnd end, wal::TimelineHistory history, Lsn wal_end) {
    LocalData data;
    data.system_id = SystemId{7};
    data.server_major = 17;
    data.end = end;
    data.timeline = history.timeline;
    data.history = std::move(history);
    data.wal_end = wal_end;
    data.rewindable = true;
    return data;
}

Upstream upstream(wal::TimelineHistory history, SharedWal shared = SharedWal::same) {
    Upstream it;
    it.system_id = SystemId{7};
    it.server_major = 17;
    it.position = {history.timeline, Lsn{0xa000}};
    it.history = std::move(history);
    it.shared = shared;
    return it;
}

using What = decltype(RejoinPlan::what);

}  // namespace

TEST_CASE("where the data ended, and on which history, says how an instance comes back") {
    using enum LocalEnd;
    struct Row {
        const char* name;
        LocalData local;
        Upstream upstream;
        What plan;
    };
    const auto rows = {
        Row{"a standby that ends at the fork follows", local(shut_down_in_recovery, on_one(), forked),
            upstream(on_two()), Follow{}},
        Row{"a standby that ends before the fork follows", local(crashed_standby, on_one(), before), upstream(on_two()),
            Follow{}},
        Row{"a standby that has switched to a timeline of its own at the fork is cloned anew",
            local(shut_down_in_recovery, on_two(), forked), upstream(on_one()), Reclone{}},
        Row{"a standby one byte past the fork is rewound", local(shut_down_in_recovery, on_one(), after),
            upstream(on_two()), Rewind{forked}},
        Row{"a crashed standby past the fork recovers first", local(crashed_standby, on_one(), after),
            upstream(on_two()), Rewind{forked}},
        Row{"a primary whose shutdown checkpoint ends at the fork follows", local(shut_down, on_one(), forked),
            upstream(on_two()), Follow{}},
        Row{"a primary that stopped past the fork is rewound", local(shut_down, on_one(), after), upstream(on_two()),
            Rewind{forked}},
        Row{"a primary that stopped before the fork follows", local(shut_down, on_one(), before), upstream(on_two()),
            Follow{}},
        Row{"a crashed primary recovers and is rewound", local(crashed_primary, on_one(), after), upstream(on_two()),
            Rewind{forked}},
        Row{"an equal timeline with the same WAL is followed", local(shut_down_in_recovery, on_two(), after),
            upstream(on_two()), Follow{}},
        Row{"an equal number that left its parent elsewhere is rewound to the earlier fork",
            local(shut_down_in_recovery, on_two(before), after), upstream(on_two()), Rewind{before}},
        Row{"a fork two timelines back is found", local(shut_down, on_one(), after), upstream(on_three()),
            Rewind{forked}},
        Row{"data two timelines back that ends at its fork follows", local(shut_down, on_one(), forked),
            upstream(on_three()), Follow{}},
        Row{"data that went on to a later timeline than the upstream's is rewound",
            local(shut_down, on_three(), Lsn{0x9100}), upstream(on_two()), Rewind{Lsn{0x9000}}},
        Row{"data that shares no timeline is cloned anew", local(shut_down, {Timeline{4}, {}}, after),
            upstream(on_two()), Reclone{}},
    };
    for (const auto& row : rows) {
        INFO(row.name);
        const auto plan = plan_rejoin(row.local, row.upstream, {});
        INFO(plan.why);
        CHECK(plan.what == row.plan);
    }
}

TEST_CASE("nothing is followed or rewound before its WAL was compared, and what differs is cloned anew, always") {
    using enum LocalEnd;
    struct Row {
        const char* name;
        LocalData local;
        Upstream upstream;
        What plan;  // when the bytes are the same, or gone
    };
    const auto rows = {
        Row{"an equal timeline", local(shut_down_in_recovery, on_two(), after), upstream(on_two()), Follow{}},
        Row{"a standby that ends at the fork", local(shut_down_in_recovery, on_one(), forked), upstream(on_two()),
            Follow{}},
        Row{"a running standby that ends before the fork of the timeline after its own",
            local(crashed_standby, on_two(), Lsn{0x8fff}), upstream(on_three()), Follow{}},
        Row{"a primary that was stopped before the fork", local(shut_down, on_two(), Lsn{0x8fff}), upstream(on_three()),
            Follow{}},
        Row{"a primary that was stopped after the fork", local(shut_down, on_two(), Lsn{0x9001}), upstream(on_three()),
            Rewind{Lsn{0x9000}}},
        Row{"a primary that crashed after the fork", local(crashed_primary, on_two(), Lsn{0x9001}),
            upstream(on_three()), Rewind{Lsn{0x9000}}},
    };
    for (const auto& row : rows) {
        INFO(row.name);
        const auto plan = [&](SharedWal shared, LocalData local) {
            auto upstream = row.upstream;
            upstream.shared = shared;
            return plan_rejoin(local, upstream, {}).what;
        };
        auto at_rest = row.local;
        at_rest.wal_end_known = false;
        CHECK(plan(SharedWal::unknown, row.local) == What(AwaitFact{Missing::shared_wal}));
        CHECK(plan(SharedWal::unknown, at_rest) == What(AwaitFact{Missing::shared_wal}));
        CHECK(plan(SharedWal::differs, row.local) == What(Reclone{}));
        CHECK(plan(SharedWal::differs, at_rest) == What(Reclone{}));
        CHECK(plan(SharedWal::same, row.local) == row.plan);
        CHECK(plan(SharedWal::gone, row.local) == row.plan);
    }
}

TEST_CASE("an equal timeline of unknown end is not followed before its end was compared") {
    for (const auto end : {LocalEnd::crashed_primary, LocalEnd::crashed_standby, LocalEnd::shut_down_in_recovery}) {
        auto data = local(end, on_two(), after);
        data.wal_end_known = false;
        CHECK(plan_rejoin(data, upstream(on_two()), {}).what == What(AwaitFact{Missing::wal_end}));
    }
}

TEST_CASE("what was found to have parted when it ran is not started again to be found so") {
    auto data = local(LocalEnd::crashed_standby, on_one(), before);
    data.wal_end_known = false;
    CHECK(plan_rejoin(data, upstream(on_two()), {}).what == What(AwaitFact{Missing::wal_end}));
    const auto plan = plan_rejoin(data, upstream(on_two()), {.parted = "it has parted"});
    CHECK(plan.what == What(Reclone{}));
    CHECK(plan.why == "it has parted");
    data.system_id = SystemId{8};
    CHECK(plan_rejoin(data, upstream(on_two()), {.parted = "it has parted"}).what == What(Refuse{}));
}

TEST_CASE("an empty directory is cloned") {
    CHECK(plan_rejoin(std::nullopt, upstream(on_two()), {}).what == What(Clone{}));
}

TEST_CASE("what rewinding needs and has not got makes it a new clone, or a wait") {
    const auto ended_after = local(LocalEnd::shut_down, on_one(), after);

    auto unchecked = ended_after;
    unchecked.rewindable = false;
    CHECK(plan_rejoin(unchecked, upstream(on_two()), {}).what == What(Reclone{}));
    CHECK(plan_rejoin(ended_after, upstream(on_two()), {.rewind_failed = true}).what == What(Reclone{}));
    CHECK(plan_rejoin(ended_after, upstream(on_two()), {.wal_gone = true}).what == What(Reclone{}));

    CHECK(plan_rejoin(ended_after, upstream(on_two()), {.unusable = true}).what == What(Reclone{}));
    CHECK(plan_rejoin(local(LocalEnd::crashed_standby, on_two(), after), upstream(on_two()), {.unusable = true}).what ==
          What(Reclone{}));

    auto busy = upstream(on_two());
    busy.checkpointed = false;
    CHECK(plan_rejoin(ended_after, busy, {}).what == What(AwaitFact{Missing::upstream_checkpoint}));
    CHECK(plan_rejoin(local(LocalEnd::shut_down, on_one(), forked), busy, {}).what == What(Follow{}));
}

TEST_CASE(
    "what follows well is cloned anew when a person asks for it, and what is not its cluster's is refused even then") {
    auto well = local(LocalEnd::shut_down_in_recovery, on_one(), forked);
    CHECK(plan_rejoin(well, upstream(on_two()), {}).what == What(Follow{}));
    CHECK(plan_rejoin(well, upstream(on_two()), {.clone_asked = true}).what == What(Reclone{}));
    well.system_id = SystemId{8};
    CHECK(plan_rejoin(well, upstream(on_two()), {.clone_asked = true}).what == What(Refuse{}));
}

TEST_CASE("what has parted from an archive is cloned anew, for without a connection nothing can be rewound") {
    const auto parted = local(LocalEnd::shut_down, on_two(), after);
    auto archive = upstream(on_one());
    CHECK(std::holds_alternative<Rewind>(plan_rejoin(parted, archive, {}).what));

    archive.connects = false;

    CHECK(std::holds_alternative<Reclone>(plan_rejoin(parted, archive, {}).what));
    CHECK(std::holds_alternative<Follow>(plan_rejoin(local(LocalEnd::shut_down, on_one(), before), archive, {}).what));
}

TEST_CASE("a crashed primary of unknown end recovers first; a standby of unknown end is asked again") {
    auto data = local(LocalEnd::crashed_primary, on_one(), Lsn{});
    data.wal_end_known = false;
    CHECK(plan_rejoin(data, upstream(on_two()), {}).what == What(Rewind{forked}));
    data.end = LocalEnd::crashed_standby;
    CHECK(plan_rejoin(data, upstream(on_two()), {}).what == What(AwaitFact{Missing::wal_end}));
}

TEST_CASE("a standby that has replayed more than the upstream's history has need not be asked how much more") {
    // PostgreSQL would not start: "requested timeline 2 does not contain minimum recovery point".
    auto data = local(LocalEnd::shut_down_in_recovery, on_one(), Lsn{forked.value + 8});
    data.wal_end_known = false;
    CHECK(plan_rejoin(data, upstream(on_two()), {}).what == What(Rewind{forked}));
}

TEST_CASE("what is not ours, not readable or of another major version is refused whatever else is so") {
    const auto good = local(LocalEnd::shut_down_in_recovery, on_one(), forked);
    for (const auto spoil :
         {+[](LocalData& it) { it.system_id = SystemId{8}; }, +[](LocalData& it) { it.server_major = 18; },
          +[](LocalData& it) { it.server_major = 16; }, +[](LocalData& it) { it.readable = false; }}) {
        auto data = good;
        spoil(data);
        CHECK(plan_rejoin(data, upstream(on_two()), {.wal_gone = true, .unusable = true}).what == What(Refuse{}));
    }
}

TEST_CASE("histories part at the first difference") {
    CHECK(divergence(on_one(), on_two()) == forked);
    CHECK(divergence(on_two(), on_one()) == forked);
    CHECK(divergence(on_two(), on_three()) == Lsn{0x9000});
    CHECK(divergence(on_two(before), on_three()) == before);
    CHECK(divergence({Timeline{4}, {}}, on_one()) == std::nullopt);
    CHECK(divergence({Timeline{3}, {{Timeline{1}, forked, ""}}}, on_two()) == forked);
}
