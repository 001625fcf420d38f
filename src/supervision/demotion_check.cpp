#include "supervision/demotion_check.hpp"

#include <utility>
#include <variant>

#include "postgres/configuration.hpp"
#include "supervision/upstream.hpp"
#include "supervision/wal_comparison.hpp"

namespace pgbosun::supervision {
namespace {

constexpr Duration longest_answer = std::chrono::seconds(5);
constexpr std::string_view parted_hint =
    "to follow it, join anew: pgbosun fence, move the data directory away, set bootstrap.join, pgbosun reload, pgbosun "
    "unfence. An "
    "instance with mode: managed is rewound by itself";
constexpr std::string_view other_hint = "check the upstream's address: it must be of the same cluster";

// As it will be when it has been shut down: its last checkpoint lies behind all that it has written until now.
instance::LocalData data_of(const instance::Upstream& itself) {
    instance::LocalData local;
    local.system_id = itself.system_id;
    local.server_major = itself.server_major;
    local.end = instance::LocalEnd::shut_down;
    local.timeline = itself.history.timeline;
    local.held = itself.position.lsn;
    local.wal_end = Lsn{itself.position.lsn.value + 1};
    local.history = itself.history;
    local.rewindable = true;
    return local;
}

std::optional<Fault> judge(const instance::RejoinPlan& plan) {
    if (std::holds_alternative<instance::Refuse>(plan.what))
        return Fault{FaultKind::refused, "it could not follow the upstream: " + std::string(plan.why),
                     std::string(other_hint)};
    if (std::holds_alternative<instance::Rewind>(plan.what) || std::holds_alternative<instance::Reclone>(plan.what))
        return Fault{FaultKind::refused,
                     "its history has parted from the upstream's, which it could not follow: " + std::string(plan.why),
                     std::string(parted_hint)};
    return std::nullopt;
}

std::optional<Fault> silent(const Fault& fault, Unanswered unanswered) {
    if (fault.kind != FaultKind::unavailable || unanswered == Unanswered::accepted) return std::nullopt;
    return Fault{FaultKind::refused, "the upstream does not answer, and nobody would take writes: " + fault.what,
                 "check its address, and whether it runs; to demote all the same: --force (HTTP: {\"force\": true})"};
}

}  // namespace

Task<std::optional<Fault>> reason_against_following(Surroundings& outside, const postgres::ControlData& control,
                                                    std::string conninfo, Unanswered unanswered) {
    const auto size = wal::SegmentSize::from_bytes(control.wal_segment_size);
    const auto session = co_await outside.open_upstream(std::move(conninfo));
    if (!session) co_return silent(session.error(), unanswered);
    if (!size) co_return std::nullopt;
    std::string anything = "select 1";
    const auto answered = co_await (*session)->query(std::move(anything), {}, longest_answer);
    if (!answered) co_return silent(answered.error(), unanswered);
    auto upstream = co_await ask_upstream(**session);
    if (!upstream) co_return std::nullopt;  // a standby cannot say what a primary can
    upstream->checkpointed = true;          // only pg_rewind waits for that
    const auto own = outside.open_session("postgres", std::string(postgres::superuser));
    const auto itself = co_await ask_upstream(*own);
    if (!itself) co_return std::nullopt;
    const instance::LocalData local = data_of(*itself);
    auto plan = instance::plan_rejoin(local, *upstream, {});
    if (instance::awaits(plan, instance::Missing::shared_wal)) {
        auto pieces = instance::pieces_to_compare(local, upstream->history, *size);
        auto ours = wal_of_server(*own, *size);
        auto theirs = wal_of_server(**session, *size);
        const auto shared = co_await compare_wal(std::move(pieces), std::move(ours), std::move(theirs));
        if (!shared) co_return std::nullopt;
        upstream->shared = *shared;
        plan = instance::plan_rejoin(local, *upstream, {});
    }
    co_return judge(plan);
}

}  // namespace pgbosun::supervision
