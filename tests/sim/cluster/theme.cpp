#include "theme.hpp"

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

// The primary's postgres is down for a while, and its agent hears nothing.
void deaf_and_down(Theme& it) {
    it.add(FaultKind::kill_postgres, it.start, 0, 0);
    for (const int controller : {3, 4})
        it.add(FaultKind::cut, it.start + it.between(0, 800), 14'000, controller, 0);
}

// Two primaries ago somebody was left who still has a right.
void primary_before_last(Theme& it) {
    it.add(FaultKind::switchover, it.start, 0, 1);
    const auto cut = it.start + it.between(5, 60);
    it.add(FaultKind::cut_control, cut, 16'000, 0);
    it.add(FaultKind::cut_control, cut, it.between(3000, 5800), 1);
}

// The old primary goes on by promises, and with one standby only.
void on_promises_alone(Theme& it) {
    it.schedule.setting.synchronous = 1;
    it.add(FaultKind::cut_control, it.start, 14'000, 0);
    const auto later = it.start + it.between(2500, 5000);
    it.add(FaultKind::kill_postgres, later, 0, 1);
    it.add(FaultKind::stop_agent, later + it.between(0, 500), 5000, 2);
}

// The chosen one stops streaming just before the switchover.
void left_behind(Theme& it) {
    it.schedule.setting.synchronous = 1;
    it.schedule.setting.poll_ms = 1400;
    const auto cut = it.start + it.between(0, 1500);
    it.add(FaultKind::cut, cut, 6000, 0, 1);
    it.add(FaultKind::switchover, cut + it.between(0, 700), 0, 1);
}

// The second primary in a row dies before the third has what the first acknowledged.
void not_caught_up(Theme& it) {
    it.schedule.setting.synchronous = 1;
    it.add(FaultKind::cut_peers, it.start - 1000, 14'000, 2);
    const auto back = it.between(3500, 5000);
    it.add(FaultKind::restart_agent, it.start, back, 0);
    it.add(FaultKind::restart_agent, it.start + back + it.between(100, 2200), 9000, 1);
}

Draw theme_of(Sabotage sabotage) {
    switch (sabotage) {
        case Sabotage::boot_id:
            return late_grants;
        case Sabotage::clock_margin:
            return last_moment;
        case Sabotage::restart_wait:
            return forgotten_promise;
        case Sabotage::term_on_disk:
            return forgotten_term;
        case Sabotage::list_shrinks:
            return left_with_unlisted;
        case Sabotage::former_under_term:
            return deaf_and_down;
        case Sabotage::former_kept:
            return primary_before_last;
        case Sabotage::data_after_promise:
            return on_promises_alone;
        case Sabotage::data_after_stop:
            return left_behind;
        case Sabotage::rule_taken_over:
            return not_caught_up;
        default:
            return nullptr;
    }
}

}  // namespace

std::optional<Schedule> draw_for(Sabotage sabotage, std::uint64_t seed) {
    const Draw draw_theme = theme_of(sabotage);
    if (draw_theme == nullptr) return std::nullopt;
    Theme theme(seed);
    draw_theme(theme);
    return theme.schedule;
}

}  // namespace pgbosun::sim
