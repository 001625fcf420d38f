#pragma once
// Each rule of the protocol, taken out from outside: the product has no switch. A simulation that does not
// notice the loss of a rule does not test it.

#include <array>
#include <string_view>

namespace pgbosun::sim {

enum class Sabotage {
    none,
    echo,                  // a grant counts from when it arrives
    boot_id,               // a grant of an earlier life counts
    lease_wait,            // a new primary is promoted without waiting for the old one's leases
    fresh_leader_wait,     // a new controller takes it that nobody has granted before it
    clock_margin,          // who gives waits no longer than who takes
    promise_honoured,      // a promise given keeps nobody from promotion
    promise_by_all,        // the promise of one member is enough
    promise_from_sending,  // a promise counts from when it arrives
    restart_wait,          // a restarted agent takes it that it has promised nobody
    term_on_disk,          // a restarted agent has forgotten all terms but the first
    old_terms_refused,     // an agent follows whoever speaks last
    highest_term_only,     // a promise is given for a term that has passed
    one_list_at_a_time,    // a list is taken for acknowledged when it is written
    list_order,            // an old list that comes late is taken over
    list_shrinks,          // the new primary gets a list of everybody
    former_under_term,     // a stop acknowledged under an older term, or by nobody, counts as one
    former_kept,           // only the last primary is waited for
    unlisted_needs_stops,  // who is on no list is promoted when leases have run out
    record_first,          // the new primary is promoted before the record says so
    compare_and_swap,      // the last write wins
    leader_checks,         // a controller acts although its leadership has run out
    isolation,             // an instance without the right to write goes on (guard and PID 1)
    guard,                 // only PID 1 stops postgres
    quorum,                // a synchronous failover counts nobody
    data_after_promise,    // what was held while the old primary may have gone on by promises is believed
    data_after_stop,       // what candidates held before the old primary stopped is believed
    best_candidate,        // the recorded primary is promoted although another holds more
    rule_taken_over,       // a synchronous rule counts as soon as it is set
    rule_one_at_a_time,    // a synchronous rule is taken for acknowledged when it is written
    data_term,             // data is compared by timeline and position alone
    alone_keeps_rules,     // a primary that goes on without standbys has superseded the rules before
    unheard_terms,         // who has not heard of a term is believed to hold nothing of it
    lease_recorded,        // a new controller takes it that leases before it were as long as its own
    longest_lease_kept,    // leases longer than those that are granted now are forgotten before they have run out
    handed_over_whole,     // the new primary of a switchover is promoted although the former one holds more
    unread_wal,            // an agent takes it that it holds no more than it has read since it was started
    reach_age,             // what an agent last saw of its data is taken for what it holds now
    paused,                // a paused cluster is failed over
    record_not_older,      // a record is acted on although the instances know of a later term
    first_term,            // who has lost its volume says that it never was a primary
    promise_new_volume,    // who has lost its volume promises whoever asks first
    fast_forward,          // the candidate does not stream what only another standby holds
};

struct Named {
    Sabotage sabotage;
    std::string_view name;
};
inline constexpr std::array all_sabotage{
    Named{Sabotage::echo, "echo"},
    Named{Sabotage::boot_id, "boot_id"},
    Named{Sabotage::lease_wait, "lease_wait"},
    Named{Sabotage::fresh_leader_wait, "fresh_leader_wait"},
    Named{Sabotage::clock_margin, "clock_margin"},
    Named{Sabotage::promise_honoured, "promise_honoured"},
    Named{Sabotage::promise_by_all, "promise_by_all"},
    Named{Sabotage::promise_from_sending, "promise_from_sending"},
    Named{Sabotage::restart_wait, "restart_wait"},
    Named{Sabotage::term_on_disk, "term_on_disk"},
    Named{Sabotage::old_terms_refused, "old_terms_refused"},
    Named{Sabotage::highest_term_only, "highest_term_only"},
    Named{Sabotage::one_list_at_a_time, "one_list_at_a_time"},
    Named{Sabotage::list_order, "list_order"},
    Named{Sabotage::list_shrinks, "list_shrinks"},
    Named{Sabotage::former_under_term, "former_under_term"},
    Named{Sabotage::former_kept, "former_kept"},
    Named{Sabotage::unlisted_needs_stops, "unlisted_needs_stops"},
    Named{Sabotage::record_first, "record_first"},
    Named{Sabotage::compare_and_swap, "compare_and_swap"},
    Named{Sabotage::leader_checks, "leader_checks"},
    Named{Sabotage::isolation, "isolation"},
    Named{Sabotage::guard, "guard"},
    Named{Sabotage::quorum, "quorum"},
    Named{Sabotage::data_after_promise, "data_after_promise"},
    Named{Sabotage::data_after_stop, "data_after_stop"},
    Named{Sabotage::best_candidate, "best_candidate"},
    Named{Sabotage::rule_taken_over, "rule_taken_over"},
    Named{Sabotage::rule_one_at_a_time, "rule_one_at_a_time"},
    Named{Sabotage::data_term, "data_term"},
    Named{Sabotage::alone_keeps_rules, "alone_keeps_rules"},
    Named{Sabotage::unheard_terms, "unheard_terms"},
    Named{Sabotage::lease_recorded, "lease_recorded"},
    Named{Sabotage::longest_lease_kept, "longest_lease_kept"},
    Named{Sabotage::handed_over_whole, "handed_over_whole"},
    Named{Sabotage::unread_wal, "unread_wal"},
    Named{Sabotage::reach_age, "reach_age"},
    Named{Sabotage::paused, "paused"},
    Named{Sabotage::record_not_older, "record_not_older"},
    Named{Sabotage::first_term, "first_term"},
    Named{Sabotage::promise_new_volume, "promise_new_volume"},
    Named{Sabotage::fast_forward, "fast_forward"},
};

}  // namespace pgbosun::sim
