// The part of Performer that is about a managed cluster.
#include <utility>

#include "pgbosun/log.hpp"
#include "supervision/broadcast.hpp"
#include "supervision/earlier_promotion.hpp"
#include "supervision/follower.hpp"
#include "supervision/local_data.hpp"
#include "supervision/local_wal.hpp"
#include "supervision/performer.hpp"

namespace pgbosun::supervision {
namespace {

constexpr Duration setting_timeout = std::chrono::seconds(5);
constexpr Duration setting_look = std::chrono::milliseconds(5);
constexpr int most_looks_at_setting = 100;
constexpr Duration promotion_look = std::chrono::milliseconds(20);
constexpr Duration promotion_patience = std::chrono::minutes(1);
constexpr Duration checkpoint_patience = std::chrono::minutes(10);

// FATALs of PostgreSQL's startup process (xlogrecovery.c) that the same data directory gives again and again.
bool tells_of_unusable_data(std::string_view message) {
    for (const std::string_view sign :
         {"could not locate a valid checkpoint record", "could not locate required checkpoint record",
          "is not a child of this server's history", "does not contain minimum recovery point",
          "WAL ends before consistent recovery point"}) {
        if (message.find(sign) != std::string_view::npos) return true;
    }
    return false;
}

}  // namespace

Task<> Performer::rejoin() {
    if (tells_of_unusable_data(std::exchange(last_fatal_, {}))) ++unusable_starts_;
    std::string conninfo = calls_.primary();
    const std::string whom = conninfo;
    const instance::Attempts attempts{.wal_gone = wal_gone_,
                                      .unusable = unusable_starts_ >= most_unusable_starts,
                                      .parted = parted_from_ == whom ? parted_ : std::string_view()};
    const auto report = co_await rejoiner_.run(settings_, *inspection_, std::move(conninfo), attempts);
    followed_.clear();
    if (report.outcome == instance::BootstrapOutcome::done) {
        if (report.compared) followed_ = whom;
        if (report.compared || report.restored) forget_parted();
        wal_gone_ = false;
        // What was cloned streams without being compared again, and is not cloned at its next rejoin for what was before.
        if (attempts.unusable) unusable_starts_ = 0;
        clear_reason();
    } else {
        if (report.reason != reason_) log::warning("rejoining: " + report.reason, {{"hint", report.hint}});
        set_reason(report.reason, report.hint);
    }
    calls_.answer(instance::RejoinEnded{report.outcome});
}

// Asked again as long as the standby does not stream; a second one at a time would only repeat the first.
Task<> Performer::follow() {
    std::string conninfo = calls_.primary();
    const std::string whom = conninfo;
    // A store that hangs is not waited for by who has somebody else to follow.
    if (following_ && whom != archive_source) source_.cancel();
    if (following_ || whom.empty() || !inspection_ || !inspection_->usable) co_return;
    following_ = true;
    const bool by_archive = whom == archive_source;
    const auto control = inspection_->usable->control;
    Result<Comparison> compared;
    if (by_archive) {
        compared = co_await compare_with_archive(outside_, source_, settings_, control);
    } else {
        std::string name = settings_.instance;
        compared = co_await compare_with_primary(outside_, control, std::move(conninfo), std::move(name));
    }
    following_ = false;
    if (!postmaster_ || whom != calls_.primary()) co_return;
    const bool may = compared && std::holds_alternative<instance::Follow>(compared->plan.what);
    if (compared && !may && !compared->copyable) compared = std::unexpected(no_copy_can_be_made());
    if (!compared) {
        const std::string what = by_archive ? "the archive is not followed yet: " : "the primary is not followed yet: ";
        set_reason(what + compared.error().what, compared.error().hint);
        co_return;
    }
    unusable_starts_ = 0;
    if (may && followed_ == whom && compared->lost) {
        note_wal_gone();
        calls_.answer(instance::CannotFollow{});
    }
    if (may && followed_ == whom) co_return;
    // A rewind that is due, but not yet: until then it may be read.
    if (instance::awaits(compared->plan, instance::Missing::upstream_checkpoint)) co_return;
    // Who follows somebody may have a stream of its own there.
    if (may && followed_.empty() && is_namesake_there(compared->namesake)) co_return;
    calls_.rejoin.planned(compared->plan, compared->local, compared->upstream);
    if (may) {
        followed_ = whom;
        forget_parted();
        co_await reload();
    } else {
        note_parted(compared->plan, whom);
        calls_.answer(instance::CannotFollow{});
    }
}

bool Performer::is_namesake_there(const NamesakeFacts& facts) {
    const auto verdict = namesake_.look(facts, outside_.clock.now());
    if (verdict == Namesake::Verdict::none) {
        if (std::exchange(namesake_told_, false)) clear_reason();
        return false;
    }
    if (verdict == Namesake::Verdict::stays && !std::exchange(namesake_told_, true)) {
        calls_.rejoin.refused("rejoin: refuse, for " + std::string(namesake_reason));
        set_reason(std::string(namesake_reason), std::string(namesake_hint));
    }
    return true;
}

// At rest the end of its WAL may not be known, and the plan would be to start it again.
void Performer::note_parted(const instance::RejoinPlan& plan, const std::string& from) {
    if (std::exchange(parted_from_, from) != from) forget_parted();
    if (std::holds_alternative<instance::Reclone>(plan.what)) parted_ = plan.why;
    const bool rewind = std::holds_alternative<instance::Rewind>(plan.what);
    if (rewind && ++rewinds_found_ >= most_rewinds_found)
        parted_ = "what it has received and not replayed keeps it from pg_rewind";
}

void Performer::forget_parted() {
    parted_ = {};
    rewinds_found_ = 0;
}

// In a cluster the former primary's pg_rewind waits for the first checkpoint of the new timeline, and PostgreSQL's own takes its
// time (checkpoint_completion_target). Who follows does not wait for it, nor do writes.
Task<> Performer::conclude_promotion() {
    Broadcast nobody(outside_.loop);
    const auto session = outside_.open_session("postgres", std::string(postgres::superuser));
    const Instant give_up = outside_.clock.now() + promotion_patience;
    const auto launched = postmaster_;
    for (;;) {
        co_await nobody.wait(promotion_look);
        if (!launched || postmaster_ != launched || outside_.clock.now() > give_up) co_return;
        std::string sql = "select pg_is_in_recovery()";
        const auto recovers = co_await session->query(std::move(sql), {}, setting_timeout);
        if (recovers && recovers->rows.size() == 1 && recovers->rows[0][0] == "f") break;
    }
    // Before that checkpoint can recycle it.
    if (inspection_ && inspection_->usable) {
        co_await trusted_wal_.finish(*session, inspection_->usable->control.wal_segment_size);
    }
    if (!calls_.primary) co_return;
    std::string sql = "checkpoint";
    const auto done = co_await session->query(std::move(sql), {}, checkpoint_patience);
    if (!done) log::warning("the checkpoint after the promotion did not succeed: " + done.error().what);
}

// A server process that was made after the postmaster has read the configuration shows what it holds.
Task<bool> Performer::sees_synchronous(PgSession& session) {
    Broadcast nobody(outside_.loop);
    for (int i = 0; i < most_looks_at_setting; ++i) {
        std::string sql = "select current_setting('synchronous_standby_names')";
        const auto value = co_await session.query(std::move(sql), {}, setting_timeout);
        if (value && value->rows.size() == 1 && value->rows[0][0] == synchronous_) co_return true;
        session.close();
        co_await nobody.wait(setting_look);
    }
    co_return false;
}

// Asked again with the next try: the followed cluster's WAL may still come.
Task<bool> Performer::may_see_own_archive(PgSession& session) {
    if (!inspection_ || !inspection_->usable) co_return false;
    auto reach = co_await reach_of_standby(session, timeline_of(*inspection_->usable),
                                           inspection_->usable->control.wal_segment_size);
    Result<> none;
    if (reach) {
        none = co_await no_earlier_promotion(outside_, settings_, std::move(*reach));
    } else {
        none = std::unexpected(std::move(reach.error()));
    }
    keeps_from_own_archive_ = !none;
    if (none) co_return true;
    if (none.error().kind == FaultKind::unavailable) {
        // It is lost with the followed cluster, perhaps. Until this one has been launched anew it is not shown to PostgreSQL.
        log::warning("the promotion does not wait for the own archive: " + none.error().what,
                     {{"hint",
                       "when it answers again, see that it takes the new timeline's history; if not, give "
                       "archive.server_name a name that is new there"}});
        co_return true;
    }
    log::error("the promotion waits: " + none.error().what, {{"hint", none.error().hint}});
    set_reason(none.error().what, none.error().hint);
    co_return false;
}

}  // namespace pgbosun::supervision
