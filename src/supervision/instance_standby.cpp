// The part of Instance that is about a standby of a managed cluster.
#include <algorithm>
#include <utility>

#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"
#include "supervision/instance.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr Duration look_at_primary = 1s;
constexpr Duration stuck_after = 10s;   // without progress, after PostgreSQL said that WAL is gone
constexpr Duration unready_after = 2s;  // waiting for WAL from nobody
constexpr Duration archive_gives_nothing =
    30s;                            // to a clone that it has made: a segment is replayed in a second or two
constexpr Duration same_wait = 1s;  // between two lines of it: PostgreSQL says it every wal_retrieve_retry_interval
constexpr Duration new_upstream_after = 1s;  // a WAL receiver of another upstream is gone then
// Of the archive of the cluster that this one follows: a look lists it.
constexpr Duration look_at_source = 5s;  // until it is followed
// A segment that is not there for so long may never come; the look tells.
constexpr Duration segment_overdue = 60s;
// PostgreSQL may still have the old restore_command for a moment, and waits for who answers that.
constexpr Duration source_lingers = 10s;

}  // namespace

Task<> Instance::accompany_standby() {
    const auto& server = monitor_.facts().server;
    const auto primary = membership_->primary();
    if (!server || !primary) co_return;
    const Instant now = outside_.clock.now();
    if (server->lsn.replayed.value_or(Lsn{}) != replayed_) {
        replayed_ = server->lsn.replayed.value_or(Lsn{});
        replayed_at_ = now;
    }
    if (primary->conninfo == archive_source) co_return co_await accompany_archive();
    const bool compared = performer_.followed() == primary->conninfo;
    if (replays_own_archive()) co_return accompany_own_archive(*membership_->upstream());
    if (compared) membership_->note_stream(server->lsn.streaming);
    const auto upstream = membership_->upstream();
    if (compared && performer_.written_upstream() != upstream->conninfo) {
        wal_gone_at_.reset();  // what the one before has removed
        performer_.perform(instance::Reload{});
        co_return;
    }
    if (!server->lsn.streaming || !compared) {
        if (compared) performer_.renew_slot();
        performer_.perform(instance::FollowPrimary{});
        const bool stuck = wal_gone_at_ && now - *wal_gone_at_ < stuck_after && now - replayed_at_ > stuck_after;
        // What a standby has removed the primary may still have: that one is passed by first.
        if (stuck && compared && upstream->name == primary->name) {
            journal_.record("cluster", "WAL that this standby needs is gone: it is cloned anew", {});
            wal_gone_at_.reset();
            performer_.note_wal_gone();
            handle(instance::CannotFollow{});
        }
        co_return;
    }
    wal_gone_at_.reset();
    const Term term = membership_->right().record.term;
    if (membership_->right().record.data_term == term) {
        forget_old_data();
        co_return;
    }
    bool streams = monitor_.facts().server_asked_at >= performer_.written_upstream_at() + new_upstream_after;
    if (upstream->name != source_name) streams = co_await is_counted(*upstream, primary->name, term, server->timeline);
    if (streams) std::ignore = co_await membership_->streams_from_primary(term);
}

// What it has is known to have streamed: PostgreSQL calls streaming also what asks for WAL that is gone, again and again.
void Instance::forget_old_data() {
    if (std::exchange(old_data_looked_for_, true)) return;
    performer_.forget_old_data();
}

// Nobody streams here: it is in order as long as it gets what the archive has.
Task<> Instance::accompany_archive() {
    const Instant now = outside_.clock.now();
    if (!performer_.follows_archive()) {
        if (now - source_looked_at_ < look_at_source) co_return;
        source_looked_at_ = now;
        performer_.perform(instance::FollowPrimary{});
        co_return;
    }
    if (performer_.written_upstream() != archive_source) {
        performer_.perform(instance::Reload{});
        co_return;
    }
    const Term term = membership_->right().record.term;
    if (membership_->right().record.data_term == term) forget_old_data();
    const bool reads = monitor_.facts().server_asked_at >= performer_.written_upstream_at() + new_upstream_after;
    if (reads && membership_->right().record.data_term != term)
        std::ignore = co_await membership_->streams_from_primary(term);
    // The archive may have gone on along another timeline, or without the segment.
    const auto& server = monitor_.facts().server;
    const bool holds_back = !server || server->lsn.replay_paused || settings_.postgresql.apply_delay > Duration::zero();
    const bool overdue = awaits_since_ && now - *awaits_since_ >= segment_overdue && !holds_back;
    if (!overdue || now - source_looked_at_ < segment_overdue) co_return;
    source_looked_at_ = now;
    performer_.perform(instance::FollowPrimary{});
}

bool Instance::replays_own_archive() const {
    const auto primary = membership_ ? membership_->primary() : std::nullopt;
    return primary && !settings_.postgresql.replication.stream && performer_.followed() == primary->conninfo &&
           primary->name != source_name;
}

// It counts as of no term: it may be behind by a segment, and its data has been seen to be the primary's once only.
void Instance::accompany_own_archive(const Peer& upstream) {
    if (performer_.written_upstream() != upstream.conninfo) performer_.perform(instance::Reload{});
    if (!awaits_since_) return;
    forget_old_data();
    // It may have gone along a timeline that was given up meanwhile: compared once more.
    const Instant now = outside_.clock.now();
    if (now - *awaits_since_ < segment_overdue || now - source_looked_at_ < segment_overdue) return;
    source_looked_at_ = now;
    performer_.perform(instance::FollowPrimary{});
}

// Its archiver is there from before PostgreSQL asks for it until some time after the last that it may.
void Instance::serve_source_archive() {
    const Instant now = outside_.clock.now();
    const auto primary = membership_->primary();
    const bool by_archive = primary && primary->conninfo == archive_source;
    const auto& recovery = settings_.bootstrap.recovery;
    const bool named = recovery && recovery->source;
    const bool wanted = membership_->part() == instance::Part::standby && by_archive && named;
    if (wanted) source_wanted_at_ = now;
    const bool serves = wanted || (source_served_ && now - source_wanted_at_ < source_lingers);
    if (serves == std::exchange(source_served_, serves)) return;
    if (!serves) {
        recovery_archive_.reset();
        awaits_since_.reset();
    }
    wiring_.recovering(serves ? Recovering::yes : Recovering::no);
}

// What streams is of this term only if the agent of whom it streams from says that it has accepted the term, or streams of it
// itself, and counts this standby.
Task<bool> Instance::is_counted(const Peer& upstream, const std::string& primary, Term term, Timeline timeline) {
    Peer asked = upstream;
    const auto looked = co_await look_at(std::move(asked));
    if (!looked || !looked->managed || looked->term != term || looked->timeline != timeline) co_return false;
    const ManagedStatus& its = *looked->managed;
    const bool of_term = upstream.name == primary ? its.accepted == term && its.serving
                                                  : its.primary == primary && its.reach.term == term;
    co_return of_term&& std::ranges::any_of(
        looked->standbys, [&](const auto& it) { return it.name == settings_.instance && it.state == "streaming"; });
}

// None: it does not stream from there, or from another standby, which waits for nobody, or that cluster is another one.
std::optional<Peer> Instance::primary_streamed_from() const {
    const auto* running = std::get_if<instance::Running>(&supervisor_.state().activity);
    const auto& server = monitor_.facts().server;
    if (running == nullptr || running->role != Role::standby || !server || !server->lsn.streaming) return std::nullopt;
    auto primary = membership_->primary();
    const auto upstream = membership_->upstream();
    const bool direct = primary && upstream && primary->name == upstream->name && primary->name != source_name;
    if (!direct || performer_.followed() != primary->conninfo) return std::nullopt;
    return primary;
}

// Only the primary knows whether it waits for this standby. Apart from accompany(), which must not wait for it.
Task<> Instance::watch_primary() {
    for (;;) {
        co_await pause(outside_.loop, look_at_primary);
        auto primary = primary_streamed_from();
        const Instant asked_at = outside_.clock.now();
        const bool before = counted_.holds(asked_at);
        if (primary) {
            const auto said = co_await look_at(std::move(*primary));
            if (said) counted_.note(waits_for(*said, settings_.instance), asked_at);
        } else {
            counted_.forget();
        }
        if (counted_.holds(outside_.clock.now()) != before) changed();
    }
}

// PostgreSQL asks again and again for WAL that the archive cannot give it, and never comes up.
void Instance::watch_restored_clone() {
    const Instant now = outside_.clock.now();
    const bool launching = std::holds_alternative<instance::Launching>(supervisor_.state().activity);
    const std::uint64_t restored = archive_ ? archive_->restored : 0;
    if (!launching || !performer_.is_restored_clone() || restored != restored_files_) {
        restored_files_ = restored;
        restored_at_ = now;
        return;
    }
    if (now - restored_at_ < archive_gives_nothing) return;
    restored_at_ = now;
    journal_.record("cluster", "the archive does not give what the clone needs: it is cloned anew", {});
    performer_.note_unusable();
    handle(instance::CannotFollow{});
}

// A standby that has not been compared has its own WAL alone, and answers queries when that has made its data whole.
void Instance::note_waits_for_wal() {
    const bool launching = std::holds_alternative<instance::Launching>(supervisor_.state().activity);
    if (!launching || !membership_ || !membership_->primary() || !performer_.followed().empty()) return;
    const Instant now = outside_.clock.now();
    if (now - std::exchange(waits_for_wal_at_, now) > same_wait) waits_for_wal_since_ = now;
    if (now - waits_for_wal_since_ < unready_after) return;
    waits_for_wal_since_ = now;
    journal_.record("cluster", "its own WAL ends before its data is whole: it is cloned anew", {});
    performer_.note_unusable();
    handle(instance::CannotFollow{});
}

}  // namespace pgbosun::supervision
