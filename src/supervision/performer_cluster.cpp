// The part of Performer that is about a managed cluster.
#include <utility>

#include "pgbosun/log.hpp"
#include "supervision/follower.hpp"
#include "supervision/performer.hpp"
#include "supervision/slot_upkeep.hpp"

namespace pgbosun::supervision {
namespace {

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

// Killed after it has been written, a standby asks once too often at its promotion.
Task<Result<>> Performer::note_foreign_wal() {
    if (!calls_.foreign_wal) co_return Result<>();
    if (calls_.foreign_wal()) {
        own_archive_free_ = false;
        co_return co_await foreign_wal_.begins();
    }
    const bool follows_own = !followed_.empty() && followed_ == calls_.primary();
    const bool primary =
        inspection_ && inspection_->usable && inspection_->usable->start == postgres::StartMode::primary;
    if (follows_own || primary) co_return co_await foreign_wal_.ends();
    co_return co_await foreign_wal_.recall();
}

Task<> Performer::rejoin() {
    if (tells_of_unusable_data(std::exchange(last_fatal_, {}))) ++unusable_starts_;
    const auto noted = co_await note_foreign_wal();
    // Another one may be named by now.
    std::string conninfo = calls_.primary();
    const std::string whom = conninfo;
    const instance::Attempts attempts{.clone_asked = clone_asked_,
                                      .wal_gone = wal_gone_,
                                      .unusable = unusable_starts_ >= most_unusable_starts,
                                      .parted = parted_from_ == whom ? parted_ : std::string_view()};
    Rejoiner::Report report;
    if (noted) {
        report = co_await rejoiner_.run(settings_, *inspection_, std::move(conninfo), attempts);
    } else {
        report.outcome = instance::BootstrapOutcome::failed;
        report.reason = noted.error().what;
        report.hint = noted.error().hint;
    }
    followed_.clear();
    // Whom it followed before may have been a standby since, and have dropped it.
    slot_made_at_.clear();
    if (report.outcome == instance::BootstrapOutcome::done) {
        if (report.compared) {
            followed_ = whom;
            co_await make_slot(upstream());
        }
        if (report.compared || report.restored) {
            forget_parted();
            clone_asked_ = false;
        }
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
    if (clone_asked_) calls_.answer(instance::CannotFollow{});  // nobody was there to be cloned
    if (clone_asked_ || (may && followed_ == whom)) co_return;
    // A rewind that is due, but not yet: until then it may be read.
    if (instance::awaits(compared->plan, instance::Missing::upstream_checkpoint)) co_return;
    // Who follows somebody may have a stream of its own there.
    if (may && followed_.empty() && is_namesake_there(compared->namesake)) co_return;
    calls_.rejoin.planned(compared->plan, compared->local, compared->upstream);
    if (may) {
        followed_ = whom;
        forget_parted();
        co_await make_slot(upstream());
        co_await reload();
    } else {
        note_parted(compared->plan, whom);
        calls_.answer(instance::CannotFollow{});
    }
}

// Streaming without one is better than not at all. Apart from the configuration, which a promotion waits for.
Task<> Performer::make_slot(std::string upstream) {
    std::string slot = calls_.slot ? calls_.slot() : std::string();
    if (slot.empty() || upstream.empty() || making_slot_) co_return;
    making_slot_ = true;
    std::string from = upstream, name = slot;
    const auto session = co_await outside_.open_upstream(std::move(from));
    Result<> made = session ? Result<>() : std::unexpected(session.error());
    if (made) made = co_await supervision::make_slot(**session, std::move(name));
    making_slot_ = false;
    if (made) {
        slot_made_at_ = std::move(upstream);
        slot_lack_told_ = false;
    } else {
        slot_made_at_.clear();
        if (!std::exchange(slot_lack_told_, true))
            log::warning("it streams without a replication slot: " + made.error().what, {{"slot", slot}});
    }
}

Task<> Performer::seek_slot() {
    const bool lacked = lacks_slot();
    co_await make_slot(upstream());
    if (lacked != lacks_slot()) perform(instance::Reload{});
}

std::string Performer::slot() const {
    const bool made = calls_.slot && !slot_made_at_.empty() && slot_made_at_ == upstream();
    return made ? calls_.slot() : std::string();
}

bool Performer::lacks_slot() const {
    return calls_.slot && !calls_.slot().empty() && !upstream().empty() && slot().empty();
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

}  // namespace pgbosun::supervision
