// The part of Performer that is about a managed cluster.
#include <utility>

#include "pgbosun/log.hpp"
#include "supervision/broadcast.hpp"
#include "supervision/follower.hpp"
#include "supervision/performer.hpp"

namespace pgbosun::supervision {
namespace {

constexpr Duration setting_timeout = std::chrono::seconds(5);
constexpr Duration setting_look = std::chrono::milliseconds(5);
constexpr int most_looks_at_setting = 100;

// FATALs of PostgreSQL's startup process (xlogrecovery.c) that the same data directory gives again and again.
bool tells_of_unusable_data(std::string_view message) {
    for (const std::string_view sign : {"could not locate a valid checkpoint record", "could not locate required checkpoint record",
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
    const instance::Attempts attempts{.wal_gone = wal_gone_, .unusable = unusable_starts_ >= most_unusable_starts};
    const auto report = co_await rejoiner_.run(settings_, *inspection_, std::move(conninfo), attempts);
    followed_.clear();
    if (report.outcome == instance::BootstrapOutcome::done) {
        if (report.compared) followed_ = whom;
        wal_gone_ = false;
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
    if (following_ || whom.empty() || !inspection_ || !inspection_->usable) co_return;
    following_ = true;
    const auto compared = co_await compare_with_primary(outside_, inspection_->usable->control, std::move(conninfo));
    following_ = false;
    if (!postmaster_ || whom != calls_.primary()) co_return;
    unusable_starts_ = 0;
    if (!compared) {
        set_reason("the primary is not followed yet: " + compared.error().what, compared.error().hint);
        co_return;
    }
    const bool may = std::holds_alternative<instance::Follow>(compared->plan.what);
    if (may && followed_ == whom) co_return;
    calls_.rejoin.planned(compared->plan, compared->local, compared->upstream);
    if (may) {
        followed_ = whom;
        co_await reload();
    } else {
        calls_.answer(instance::CannotFollow{});
    }
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

}  // namespace pgbosun::supervision
