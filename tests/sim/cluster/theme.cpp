#include "theme.hpp"

#include <random>

#include "kept_schedules.hpp"
#include "randomness.hpp"

namespace pgbosun::sim {
namespace {

class Theme {
public:
    explicit Theme(std::uint64_t seed) : random(seed, 7) {
        schedule.setting.seed = seed;
        schedule.setting.faults_end_ms = 30'000;
    }
    void add(FaultKind kind, std::int64_t at_ms, std::int64_t length_ms, int who, int whom = 0) {
        schedule.faults.push_back({kind, at_ms, length_ms, who, whom});
    }
    std::int64_t between(std::int64_t low, std::int64_t high) { return random.between(low, high); }

    Random random;
    Schedule schedule;
    std::int64_t start = 9000;
};

using Draw = void (*)(Theme&);

// A grant that is under way while its receiver moves to another machine.
void late_grants(Theme& it) {
    it.schedule.setting.late = 300;
    for (const int controller : {3, 4}) it.add(FaultKind::cut, it.start, 14'000, 0, controller);
    it.add(FaultKind::cut_peers, it.start, 14'000, 0);
    it.add(FaultKind::restart_agent, it.start + it.between(0, 1500), it.between(100, 600), 0);
}

// Only the guard stops the old primary, at the last moment.
void last_moment(Theme& it) {
    it.schedule.setting.brisk = true;
    it.schedule.setting.instances = 2;
    it.add(FaultKind::cut_peers, it.start - 4000, 13'000, 0);
    it.add(FaultKind::cut_control, it.start, 9000, 0);
    it.add(FaultKind::stop_agent, it.start + it.between(0, 600), 9000, 0);
}

// The candidate has promised, and is restarted.
void forgotten_promise(Theme& it) {
    it.schedule.setting.instances = 2;
    it.add(FaultKind::cut_control, it.start, 14'000, 0);
    it.add(FaultKind::restart_agent, it.start + it.between(3000, 6000), it.between(50, 400), 1);
}

void forgotten_term(Theme& it) {
    it.schedule.setting.instances = 2;
    it.add(FaultKind::cut_control, it.start, 20'000, 0);
    it.add(FaultKind::cut_peers, it.start, it.between(5000, 8000), 0);
    it.add(FaultKind::restart_agent, it.start + it.between(8000, 10'000), it.between(50, 400), 1);
}

// The controller is left with an instance that was on no list.
void left_with_unlisted(Theme& it) {
    it.add(FaultKind::fence, 5000, it.start - 5000, 2);
    it.add(FaultKind::switchover, it.start + 30, 0, 1);
    it.add(FaultKind::split, it.start + 30 + it.between(0, 80), 14'000, 0, 3);
}

// The primary's postgres is down for a while, and its agent hears little and late.
void deaf_and_down(Theme& it) {
    it.schedule.setting.loss = 100;
    it.schedule.setting.late = 250;
    it.schedule.setting.poll_ms = 1000;
    for (int round = 0; round < 6; ++round) it.add(FaultKind::kill_postgres, it.start + round * 3500, 0, 0);
}

// Two primaries ago somebody was left who still has a right.
void primary_before_last(Theme& it) {
    it.add(FaultKind::switchover, it.start, 0, 1);
    const auto cut = it.start + it.between(5, 60);
    it.add(FaultKind::cut_control, cut, 16'000, 0);
    const auto third = it.between(2900, 3600);
    it.add(FaultKind::cut_control, cut, third, 2);
    it.add(FaultKind::cut_control, cut, third + it.between(100, 2400), 1);
}

// The old primary goes on by promises, and with one standby only.
void on_promises_alone(Theme& it) {
    it.schedule.setting.synchronous = 1;
    it.add(FaultKind::cut_control, it.start, 14'000, 0);
    const auto later = it.start + it.between(3300, 4000);
    it.add(FaultKind::stop_agent, later, 9000, 0);
    it.add(FaultKind::kill_postgres, later + it.between(500, 2500), 0, 1);
    it.add(FaultKind::stop_agent, later + it.between(1500, 2900), 5000, 2);
}

// The only synchronous standby left does not have yet what was acknowledged before.
void not_caught_up(Theme& it) {
    it.schedule.setting.synchronous = 1;
    it.schedule.setting.poll_ms = 200;
    it.add(FaultKind::cut_peers, it.start - it.between(100, 700), 14'000, 2);
    it.add(FaultKind::fence, it.start, 20'000, 1);
    it.add(FaultKind::restart_agent, it.start + it.between(900, 2500), 8000, 0);
}

// An agent stands still while its standby confirms commits, and is asked again when the primary has gone.
void old_look(Theme& it) {
    it.schedule.setting.synchronous = 1;
    it.schedule.setting.poll_ms = 200;
    it.add(FaultKind::stop_agent, it.start, it.between(4700, 6500), 1);
    it.add(FaultKind::cut_peers, it.start + it.between(300, 700), 14'000, 2);
    it.add(FaultKind::restart_agent, it.start + 1500, 9000, 0);
}

// A controller takes over that is configured for shorter leases than the one before it, and sees the primary no more; the
// primary's last lease is a long one.
void shorter_leases(Theme& it) {
    it.schedule.setting.instances = 2;
    it.schedule.setting.poll_ms = 200;
    it.add(FaultKind::cut_peers, it.start - 4000, 13'000, 0);
    it.add(FaultKind::cut_control, it.start, 9000, 0);
    for (const int controller : {2, 3})
        it.add(FaultKind::short_lease, it.start + it.between(0, 200), 12'000, controller);
}

// The new primary's WAL receiver stalls, and the former primary is out of sight for a while.
void stalled_receiver(Theme& it) {
    it.schedule.setting.instances = 2;
    it.add(FaultKind::stall_receiver, it.start - it.between(300, 1500), 9000, 1);
    it.add(FaultKind::switchover, it.start, 0, 1);
    it.add(FaultKind::cut_control, it.start + it.between(5, 60), 4800, 0);
}

// The primary of the record that is put back has stopped, and the one of the newest serves.
void old_record(Theme& it) {
    it.add(FaultKind::switchover, it.start, 0, 1);
    it.add(FaultKind::old_record, it.start + it.between(1500, 3500), 15'000, 0);
    if (it.random.chance(500)) it.add(FaultKind::restart_controller, it.start + 4000, it.between(100, 2000), 3);
    if (it.random.chance(500)) it.add(FaultKind::cut_control, it.start + it.between(4000, 9000), 6000, 1);
}

// The last primary has lost its volume, the one that confirmed its commits is away, and the third has data of the term before.
void forgotten_commits(Theme& it) {
    it.schedule.setting.synchronous = 1;
    it.add(FaultKind::switchover, 6000, 0, 1);
    it.add(FaultKind::cut_peers, it.start, 3000 + it.between(0, 2000), 2);
    it.add(FaultKind::switchover, it.start + it.between(100, 600), 0, 0);
    it.add(FaultKind::restart_agent, it.start + it.between(2200, 2800), 20'000, 1);
    it.add(FaultKind::lose_volume, it.start + it.between(2200, 2800), 9500, 0, 1);
}

// The first primary is out of sight, the second one has lost its volume, and the third serves.
void forgotten_successor(Theme& it) {
    it.add(FaultKind::fence, 3000, 8000, 2);
    it.add(FaultKind::cut_control, it.start, 30'000, 0);
    it.add(FaultKind::cut_peers, it.start, 6000, 0);
    const auto lost = it.start + it.between(8000, 9000);
    it.add(FaultKind::lose_volume, lost, 9500, 1, 1);
    it.add(FaultKind::cut_control, lost, 16'000, 1);
}

// The only one that may be promoted gets nothing more from the primary, which is gone a moment later.
void left_behind(Theme& it) {
    it.schedule.setting.spare = 2;
    it.schedule.setting.kept = true;
    it.add(FaultKind::cut, it.start - it.between(300, 1500), 5000, 0, 1);
    it.add(FaultKind::restart_agent, it.start, 20'000, 0);
    if (it.random.chance(500)) it.add(FaultKind::restart_controller, it.start + it.between(0, 5000), 1000, 3);
}

void paused(Theme& it) {
    it.add(FaultKind::pause, it.start, 12'000, 0);
    it.add(FaultKind::restart_agent, it.start + it.between(1500, 3000), 8000, 0);
}

Draw theme_of(Sabotage sabotage) {
    switch (sabotage) {
        case Sabotage::boot_id: return late_grants;
        case Sabotage::clock_margin: return last_moment;
        case Sabotage::restart_wait: return forgotten_promise;
        case Sabotage::term_on_disk: return forgotten_term;
        case Sabotage::list_shrinks: return left_with_unlisted;
        case Sabotage::former_under_term: return deaf_and_down;
        case Sabotage::former_kept: return primary_before_last;
        case Sabotage::data_after_promise: return on_promises_alone;
        case Sabotage::data_after_stop: return on_promises_alone;
        case Sabotage::rule_taken_over: return not_caught_up;
        case Sabotage::lease_recorded: return shorter_leases;
        case Sabotage::longest_lease_kept: return shorter_leases;
        case Sabotage::handed_over_whole: return stalled_receiver;
        case Sabotage::paused: return paused;
        case Sabotage::reach_age: return old_look;
        case Sabotage::record_not_older: return old_record;
        case Sabotage::first_term: return forgotten_commits;
        case Sabotage::promise_new_volume: return forgotten_successor;
        case Sabotage::fast_forward: return left_behind;
        default: return nullptr;
    }
}

// Chance comes there once in a million, and with every change of this simulation by another seed: the same faults, each a
// little earlier or later, and other luck with messages.
Schedule around(Schedule schedule, std::uint64_t seed) {
    constexpr std::int64_t nearby_ms = 500;
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<std::int64_t> moved(-nearby_ms, nearby_ms);
    schedule.setting.seed = seed;
    for (auto& fault : schedule.faults) fault.at_ms += moved(random);
    return schedule;
}

}  // namespace

std::optional<Schedule> draw_for(Sabotage sabotage, std::uint64_t seed) {
    if (sabotage == Sabotage::unheard_terms) return around(parse_schedule(kept_schedules()[5]), seed);
    const Draw draw_theme = theme_of(sabotage);
    if (draw_theme == nullptr) return std::nullopt;
    Theme theme(seed);
    draw_theme(theme);
    return theme.schedule;
}

}  // namespace pgbosun::sim
