#include "supervision/slot_upkeep.hpp"

#include <utility>

#include "pgbosun/log.hpp"
#include "postgres/configuration.hpp"
#include "supervision/mirrored_slots.hpp"

namespace pgbosun::supervision {
namespace {

constexpr Duration step_timeout = std::chrono::seconds(5);

// unavailable: it is not, or no longer, in that role.
Task<Result<std::vector<postgres::ReplicationSlot>>> look_at_slots(PgSession& session, Role role) {
    std::string sql = "select pg_catalog.pg_is_in_recovery()";
    const auto recovery = co_await session.query(std::move(sql), {}, step_timeout);
    if (!recovery) co_return std::unexpected(recovery.error());
    const bool standby = recovery->rows.size() == 1 && recovery->rows[0].size() == 1 && recovery->rows[0][0] == "t";
    if (standby != (role == Role::standby)) co_return fail(FaultKind::unavailable, "its role has changed");
    sql = postgres::slots_sql;
    const auto rows = co_await session.query(std::move(sql), {}, step_timeout);
    if (!rows) co_return std::unexpected(rows.error());
    co_return postgres::parse_slots(*rows);
}

Task<Result<>> ask(PgSession& session, std::string_view statement, std::vector<Field> parameters) {
    std::string sql(statement);
    const auto done = co_await session.query(std::move(sql), std::move(parameters), step_timeout);
    co_return done ? Result<>() : std::unexpected(done.error());
}

}  // namespace

Task<Result<>> make_slot(PgSession& session, std::string name) {
    std::vector<Field> which{name};
    const auto dropped = co_await ask(session, postgres::drop_lost_slot_sql, std::move(which));
    if (!dropped) co_return dropped;
    which = {std::move(name)};
    co_return co_await ask(session, postgres::make_slot_sql, std::move(which));
}

void SlotUpkeep::tell_once(const std::string& about, const std::string& what) {
    if (told_.insert(about).second) log::warning(what);
}

// What the standby mirrors now; none: that is not known, and all stays as it is.
Task<std::optional<SlotUpkeep::Theirs>> SlotUpkeep::theirs(Situation situation) {
    std::optional<Theirs> it(std::in_place);
    // Copies are for later; room is needed now.
    if (situation.short_of_room) it->gone = "the volume of WAL is nearly full";
    if (situation.mirrors_none) it->gone = "the cluster follows another one";
    if (!it->gone.empty()) co_return it;
    it.reset();
    if (situation.primary.empty()) co_return it;
    const auto upstream = co_await outside_.open_upstream(std::move(situation.primary));
    Result<std::vector<postgres::ReplicationSlot>> slots = std::unexpected(Fault());
    if (upstream) {
        slots = co_await look_at_slots(**upstream, Role::primary);
    } else {
        slots = std::unexpected(upstream.error());
    }
    if (!slots) {
        tell_once("the primary", "the primary's replication slots are not known: " + slots.error().what);
        co_return it;
    }
    told_.erase("the primary");
    it.emplace();
    it->slots = std::move(*slots);
    it->gone = "the primary has it no more";
    co_return it;
}

Task<> SlotUpkeep::turn_to_slot(PgSession& session, std::string slot) {
    std::string sql(postgres::turn_to_slot_sql);
    std::vector<Field> parameters{std::move(slot)};
    const auto ended = co_await session.query(std::move(sql), std::move(parameters), step_timeout);
    if (ended && !ended->rows.empty())
        log::info("its WAL receiver begins anew: it streamed without its replication slot");
}

Task<> SlotUpkeep::run(Situation situation) {
    auto mirrored = co_await recall_mirrored_slots(outside_.files, settings_);
    if (!mirrored) co_return;
    const auto session = outside_.open_session("postgres", std::string(postgres::superuser));
    auto slots = co_await look_at_slots(*session, situation.role);
    if (!slots) co_return;
    slots_ = std::move(*slots);
    if (!situation.streams_by.empty()) {
        std::string slot = situation.streams_by;
        co_await turn_to_slot(*session, std::move(slot));
    }
    SlotPlan plan;
    if (situation.role != Role::primary) plan.mirrored = *mirrored;  // else they are its own now
    if (situation.role == Role::standby) {
        Situation asked = situation;
        const auto wanted = co_await theirs(std::move(asked));
        if (wanted) {
            plan = mirror_slots(settings_.replication_slots, settings_.instance, slots_, wanted->slots, *mirrored,
                                wanted->gone);
        }
    }
    // Before it is made, so that it is dropped one day.
    std::vector<std::string> names = plan.mirrored;
    const auto remembered = co_await remember_mirrored_slots(outside_.files, settings_, std::move(names));
    if (!remembered) co_return;
    const MemberSlots facts{std::move(situation.members), situation.short_of_room, plan.mirrored};
    const auto dropped = drop_member_slots(settings_.replication_slots, settings_.instance, facts, slots_, idle_since_,
                                           outside_.clock.now());
    plan.steps.insert(plan.steps.end(), dropped.begin(), dropped.end());
    for (auto& step : plan.steps) {
        const std::string slot = step.slot;
        const bool drops = step.kind == SlotStep::Kind::drop;
        const bool done = co_await carry_out(*session, std::move(step));
        // At once: PostgreSQL may make one of that name again, which is not for us to drop.
        if (done && drops) std::erase(plan.mirrored, slot);
    }
    std::ignore = co_await remember_mirrored_slots(outside_.files, settings_, std::move(plan.mirrored));
}

Task<bool> SlotUpkeep::carry_out(PgSession& session, SlotStep step) {
    Result<> done;
    std::vector<Field> parameters{step.slot};
    std::string name = step.slot;
    switch (step.kind) {
        case SlotStep::Kind::make: done = co_await make_slot(session, std::move(name)); break;
        case SlotStep::Kind::drop: done = co_await ask(session, postgres::drop_slot_sql, std::move(parameters)); break;
        case SlotStep::Kind::advance:
            parameters.emplace_back(to_string(step.to));
            done = co_await ask(session, postgres::advance_slot_sql, std::move(parameters));
            break;
    }
    if (!done) {
        if (told_.insert(step.slot).second)
            log::warning("a replication slot is not as it should be: " + done.error().what, {{"slot", step.slot}});
        co_return false;
    }
    told_.erase(step.slot);
    if (step.kind == SlotStep::Kind::make)
        log::info("a replication slot is made, as the primary has it", {{"slot", step.slot}});
    if (step.kind == SlotStep::Kind::drop)
        log::info("a replication slot is dropped: " + std::string(step.why), {{"slot", step.slot}});
    co_return true;
}

}  // namespace pgbosun::supervision
