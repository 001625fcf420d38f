// The part of Performer that makes a standby the primary.
#include <utility>

#include "pgbosun/log.hpp"
#include "supervision/broadcast.hpp"
#include "supervision/earlier_promotion.hpp"
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
constexpr Duration promote_timeout = std::chrono::seconds(5);

}  // namespace

Task<> Performer::promote() {
    clone_asked_ = false;
    if (inspection_ && inspection_->usable) {
        trusted_wal_.begin(timeline_of(*inspection_->usable), inspection_->usable->control.wal_segment_size);
    }
    const auto launched = postmaster_;
    const auto session = outside_.open_session("postgres", std::string(postgres::superuser));
    if (foreign_wal_.replayed() && !own_archive_free_ && !co_await may_see_own_archive(*session)) co_return;
    // In a cluster the first commit must wait for whom the controller named.
    if (synchronous_) co_await reload();
    if (synchronous_ && !co_await sees_synchronous(*session)) {
        log::error("the promotion waits: PostgreSQL has not taken over synchronous_standby_names");
        set_reason("synchronous_standby_names is not in force yet", "the promotion is tried again");
        co_return;
    }
    co_await trusted_wal_.wait();
    // Meanwhile it may have been given another part, and this be another postmaster: one that follows.
    if (postmaster_ != launched || !calls_.promotes()) {
        log::warning("the promotion is no longer wanted");
        co_return;
    }
    std::string sql = "select pg_catalog.pg_promote(false)";
    const auto asked = co_await session->query(std::move(sql), {}, promote_timeout);
    // Without success the deadline of the promotion ends it; the monitor sees the role change otherwise.
    if (!asked) {
        log::error("PostgreSQL does not take the order to promote: " + asked.error().what);
        set_reason(asked.error().what, "ask again when PostgreSQL answers");
    } else {
        start(conclude_promotion());
    }
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
    own_archive_free_ = none.has_value();
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
