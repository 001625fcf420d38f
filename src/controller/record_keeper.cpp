#include "controller/record_keeper.hpp"

#include <algorithm>

#include "controller/old_record.hpp"
#include "controller/record_text.hpp"
#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"

namespace pgbosun::controller {
namespace {

constexpr Duration pause_after_failure = std::chrono::milliseconds(200);
constexpr Duration longest_watch = std::chrono::seconds(15);

Task<> nothing() { co_return; }

}  // namespace

RecordKeeper::RecordKeeper(boost::asio::io_context& loop, const Clock& clock, ClusterRecord& engine,
                           const Policy& policy, std::string candidate, Duration ttl, std::function<void()> changed)
    : loop_(loop), clock_(clock), engine_(engine), policy_(policy), candidate_(std::move(candidate)), ttl_(ttl),
      changed_(std::move(changed)), wake_(loop), watch_pause_(loop) {}

void RecordKeeper::begin() {
    spawn(loop_, tend());
    spawn(loop_, watch());
}

void RecordKeeper::write(Record record) {
    to_write_ = std::move(record);
    wake_.wake();
}

Task<> RecordKeeper::tend() {
    while (!ending_) {
        const Instant now = clock_.now();
        if (known_ && now >= known_->leader_until) lead_no_longer("it could not be kept in time");
        if (now >= again_at_) co_await take_step(now);
        co_await wake_.wait(next_wait());
    }
}

Task<> RecordKeeper::take_step(Instant now) {
    if (!known_) return campaign();
    if (now >= keep_at_) return keep();
    if (!known_->record || (reread_ && !known_->in_flight)) return read();
    if (to_write_) return write_out();
    return nothing();
}

Duration RecordKeeper::next_wait() const {
    const Instant now = clock_.now();
    if (now < again_at_) return again_at_ - now;
    if (!known_) return ttl_ / 4;
    if (!known_->record || to_write_ || reread_) return Duration::zero();
    return std::max(Duration::zero(), keep_at_ - now);
}

// The first failure of a row is told, and its end.
void RecordKeeper::note_answer(const Fault* fault) {
    if (fault != nullptr && fault->kind == FaultKind::corrupt) return note_content(fault);
    const bool ill = fault != nullptr && fault->kind != FaultKind::conflict && fault->kind != FaultKind::not_found;
    if (fault != nullptr) again_at_ = clock_.now() + pause_after_failure;
    if (ill && fault->what != silence_.what) log::warning("the record: " + fault->what, {{"hint", fault->hint}});
    if (!ill && !answers()) log::info("the record answers", {{"record", engine_.describe()}});
    silence_ = ill ? *fault : Fault{FaultKind::unavailable, {}, {}};
}

// The engine answers, and what it holds cannot be used; none: it can.
void RecordKeeper::note_content(const Fault* fault) {
    if (fault == nullptr) {
        damage_ = {FaultKind::corrupt, {}, {}};
        return;
    }
    note_answer(nullptr);
    again_at_ = clock_.now() + pause_after_failure;
    if (fault->what != damage_.what) log::warning("the record: " + fault->what, {{"hint", fault->hint}});
    damage_ = *fault;
}

Task<> RecordKeeper::campaign() {
    const Instant asked_at = clock_.now();
    const auto won = co_await engine_.campaign(ttl_);
    note_answer(won ? nullptr : &won.error());
    if (ending_) co_return;  // won or not: it runs out by itself
    if (!won) {
        again_at_ = clock_.now() + ttl_ / 4;
        co_await look_at_other();
        co_return;
    }
    known_ = elected(clock_.now(), asked_at + ttl_);
    keep_at_ = asked_at + ttl_ / 3;
    leader_ = candidate_;
    log::info("this controller leads", {{"controller", candidate_}});
    changed_();
}

// A follower knows who leads and what the record says, for who asks it.
Task<> RecordKeeper::look_at_other() {
    auto leader = co_await engine_.leader();
    if (leader && leader->value_or("") != leader_) {
        leader_ = leader->value_or("");
        if (!leader_.empty()) log::info("another controller leads", {{"leader", leader_}});
    }
    const auto text = co_await engine_.read();
    if (!text) co_return;
    auto record = parse_record(text->text);
    if (record) last_read_ = std::move(*record);
}

Task<> RecordKeeper::keep() {
    const Instant asked_at = clock_.now();
    const auto kept = co_await engine_.keep();
    note_answer(kept ? nullptr : &kept.error());
    if (!known_) co_return;
    if (kept) {
        known_->leader_until = asked_at + ttl_;
        keep_at_ = asked_at + ttl_ / 3;
    } else if (kept.error().kind == FaultKind::conflict) {
        lead_no_longer(kept.error().what);
    }
}

void RecordKeeper::lead_no_longer(const std::string& why) {
    log::warning("this controller leads no longer: " + why);
    forget_all();
    note_content(nullptr);
    leader_.clear();
    changed_();
}

void RecordKeeper::forget_all() {
    const Wanted* wish = known_ ? pending_wish(*known_) : nullptr;
    if (wish != nullptr) {
        log::error("the switchover is given up: the controller that was asked for it leads no longer",
                   {{"to", wish->primary}, {"hint", "ask the one that leads now"}});
    }
    known_.reset();
    to_write_.reset();
}

Task<> RecordKeeper::read() {
    reread_ = false;
    auto text = co_await engine_.read();
    if (!known_) co_return;
    if (!text && text.error().kind == FaultKind::not_found) {
        co_await create();
        co_return;
    }
    auto record = text ? parse_record(text->text) : std::unexpected(text.error());
    if (record && record->cluster != policy_.cluster) {
        record = fail(FaultKind::corrupt, "the record is of the cluster " + record->cluster);
    }
    note_answer(record ? nullptr : &record.error());
    if (!record) co_return;
    note_content(nullptr);
    revision_ = text->revision;
    last_read_ = *record;
    const bool news = !known_->record || *known_->record != *record;
    // What was to be written was made of another one.
    if (news) to_write_.reset();
    if (news) learn(*known_, std::move(*record), clock_.now());
    changed_();
}

// A record that somebody has removed: what is known of it is written again, unless an instance has seen a later term or list.
// A new cluster begins only where no instance has ever been told anything.
std::optional<Record> RecordKeeper::first_record() {
    Term highest = 0;
    for (const auto& [name, seen] : known_->seen) highest = std::max(highest, seen.report.term);
    if (last_read_ && !is_older(*last_read_)) {
        if (all_have_spoken()) return last_read_;
        const Fault silent{FaultKind::corrupt, "it is gone, and not every instance has answered yet",
                           "it is put back from memory when they have, or have been silent for two lease times"};
        note_answer(&silent);
        return std::nullopt;
    }
    if (highest > 0) {
        const Fault gone{
            FaultKind::corrupt, "it is gone, and the instances know of term " + std::to_string(highest),
            "put it back from a backup of the engine; without one see \"The record is lost\" in operations.md"};
        note_answer(&gone);
        return std::nullopt;
    }
    note_content(nullptr);
    again_at_ = clock_.now() + pause_after_failure;
    if (known_->seen.size() < policy_.members.size()) return std::nullopt;
    Record record;
    record.cluster = policy_.cluster;
    return record;
}

bool RecordKeeper::is_older(const Record& remembered) const {
    Knowledge as_remembered = *known_;
    as_remembered.record = remembered;
    return !why_old(as_remembered).empty();
}

// A follower's memory is a little old, and what it does not know yet an instance may.
bool RecordKeeper::all_have_spoken() const {
    const bool all =
        std::ranges::all_of(policy_.members, [&](const Member& it) { return known_->seen.contains(it.peer.name); });
    return all || clock_.now() - known_->leader_since >= 2 * policy_.ttl;
}

Task<> RecordKeeper::create() {
    const auto record = first_record();
    if (!record) co_return;
    std::string text = to_text(*record);
    const auto created = co_await engine_.create(std::move(text));
    if (!known_) co_return;
    note_answer(created ? nullptr : &created.error());
    if (!created) co_return;
    note_content(nullptr);
    log::warning("there was no record: it has been created", {{"record", engine_.describe()}, {"term", record->term}});
    again_at_ = clock_.now();
}

Task<> RecordKeeper::write_out() {
    Record record = std::move(*std::exchange(to_write_, std::nullopt));
    std::string text = to_text(record);
    Revision expected = revision_;
    const auto written = co_await engine_.replace(std::move(text), std::move(expected));
    note_answer(written ? nullptr : &written.error());
    if (!known_) co_return;
    if (!written) {
        // Nobody knows whether it was done.
        forget_record(*known_);
        co_return;
    }
    revision_ = *written;
    if (known_->record->term != record.term) {
        log::info("the record names a primary",
                  {{"primary", record.primary}, {"term", record.term}, {"former", known_->record->primary}});
    }
    last_read_ = record;
    learn(*known_, std::move(record), clock_.now());
    changed_();
}

Task<> RecordKeeper::watch() {
    while (!ending_) {
        const auto change = co_await engine_.changed(longest_watch);
        if (change && *change == RecordChange::seen) {
            reread_ = true;
            again_at_ = std::min(again_at_, clock_.now());
            wake_.wake();
        }
        co_await watch_pause_.wait(change ? std::chrono::milliseconds(10) : std::chrono::milliseconds(1000));
    }
}

Task<> RecordKeeper::resign() {
    ending_ = true;
    const bool led = known_.has_value();
    // First: what is granted when another leads already would outlive what that one waits for.
    forget_all();
    if (led) std::ignore = co_await engine_.resign();  // it runs out by itself too
}

}  // namespace pgbosun::controller
