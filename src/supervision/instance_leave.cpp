// The part of Instance that takes leave of its cluster: a primary that was asked to end stays for a moment when its postgres has
// stopped, so that a controller hears where its data ends and promotes another one at once. Killed meanwhile, it is replaced as
// any primary that is silent: when its lease has run out.
#include <algorithm>

#include "pgbosun/log.hpp"
#include "supervision/instance.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr Duration look = 20ms;
// A controller that has named another primary asks again within milliseconds.
constexpr Duration last_words = 500ms;

}  // namespace

// Before its right changes: whether somebody is there to hear, and another one to take over.
void Instance::note_leave(instance::StopMode mode) {
    leaves_since_.reset();
    if (!membership_ || mode == instance::StopMode::immediate) return;
    const instance::Right& right = membership_->right();
    const Instant now = outside_.clock.now();
    const bool heard = is_primary(right) && right.leased_until && now < *right.leased_until;
    if (heard && !right.record.promotable.names.empty()) leaves_since_ = now;
}

Task<> Instance::take_leave() {
    if (!leaves_since_) co_return;
    const Instant begun = outside_.clock.now();
    const Instant latest = std::min(begun + settings_.lease.ttl, *leaves_since_ + settings_.shutdown.timeout);
    log::info("it stays until a controller has heard where its data ends");
    Broadcast nobody(outside_.loop);
    std::optional<Instant> told_at;
    for (Instant now = begun; leaves_since_ && now < latest; now = outside_.clock.now()) {
        const AgentRecord& record = membership_->stored();
        const bool end_is_known = reach_age(now) == Duration{};
        if (!told_at && record.term > record.accepted && end_is_known) told_at = now;
        if (told_at && now - *told_at >= last_words) co_return;
        co_await nobody.wait(look);
    }
}

}  // namespace pgbosun::supervision
