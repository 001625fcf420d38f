#include "fault.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "randomness.hpp"

namespace pgbosun::sim {
namespace {

struct Named {
    FaultKind kind;
    std::string_view name;
    int weight;
    std::int64_t shortest_ms;
    std::int64_t longest_ms;
};

constexpr std::array kinds{
    Named{FaultKind::kill_postgres, "kill_postgres", 8, 0, 0},
    Named{FaultKind::stop_agent, "stop_agent", 8, 100, 9000},
    Named{FaultKind::freeze_pod, "freeze_pod", 8, 100, 9000},
    Named{FaultKind::restart_agent, "restart_agent", 12, 100, 6000},
    Named{FaultKind::cut, "cut", 14, 500, 12000},
    Named{FaultKind::isolate, "isolate", 12, 500, 12000},
    Named{FaultKind::cut_control, "cut_control", 10, 500, 15000},
    Named{FaultKind::cut_peers, "cut_peers", 8, 300, 12000},
    Named{FaultKind::split, "split", 6, 500, 12000},
    Named{FaultKind::stop_controller, "stop_controller", 8, 100, 9000},
    Named{FaultKind::restart_controller, "restart_controller", 6, 100, 5000},
    Named{FaultKind::record_down, "record_down", 5, 500, 9000},
    Named{FaultKind::record_slow, "record_slow", 7, 500, 9000},
    Named{FaultKind::slow_disk, "slow_disk", 4, 500, 6000},
    Named{FaultKind::switchover, "switchover", 10, 0, 0},
    Named{FaultKind::fence, "fence", 4, 500, 8000},
};

// Drawn apart from the others, so that a seed goes on meaning the same.
constexpr std::array later_kinds{
    Named{FaultKind::short_lease, "short_lease", 1, 500, 12000},
    Named{FaultKind::stall_receiver, "stall_receiver", 1, 300, 9000},
};
constexpr std::array latest_kinds{
    Named{FaultKind::end_agent, "end_agent", 1, 100, 7000},
    Named{FaultKind::old_record, "old_record", 1, 1000, 16000},
    Named{FaultKind::deny_serving, "deny_serving", 1, 500, 12000},
    Named{FaultKind::force, "force", 1, 0, 0},
    Named{FaultKind::pause, "pause", 1, 500, 9000},
};
constexpr std::array rare_kinds{
    // Longer than any message is under way: what was sent to the instance before does not find the new one.
    Named{FaultKind::lose_volume, "lose_volume", 1, 9500, 14000},
    Named{FaultKind::drop_member, "drop_member", 1, 1000, 14000},
};

// A few kinds together reach further than all of them at once.
std::vector<Named> draw_kinds(Random& random) {
    std::vector<Named> chosen;
    const bool all = random.chance(300);
    for (const auto& it : kinds) {
        if (all || random.chance(300)) chosen.push_back(it);
    }
    if (chosen.empty()) chosen.push_back(kinds[random.below(kinds.size())]);
    return chosen;
}

FaultKind draw_kind(Random& random, const std::vector<Named>& chosen) {
    int total = 0;
    for (const auto& it : chosen) total += it.weight;
    auto left = static_cast<int>(random.below(static_cast<std::uint64_t>(total)));
    for (const auto& it : chosen) {
        if (left < it.weight) return it.kind;
        left -= it.weight;
    }
    return chosen.back().kind;
}

const Named& about(FaultKind kind) {
    for (const auto& it : kinds) {
        if (it.kind == kind) return it;
    }
    for (const auto& it : later_kinds) {
        if (it.kind == kind) return it;
    }
    for (const auto& it : latest_kinds) {
        if (it.kind == kind) return it;
    }
    for (const auto& it : rare_kinds) {
        if (it.kind == kind) return it;
    }
    throw std::logic_error("a kind of fault without a name");
}

int draw_who(Random& random, FaultKind kind, const Setting& setting) {
    if (kind == FaultKind::stop_controller || kind == FaultKind::restart_controller || kind == FaultKind::short_lease) {
        return setting.instances + static_cast<int>(random.below(static_cast<std::uint64_t>(setting.controllers)));
    }
    if (kind == FaultKind::cut || kind == FaultKind::isolate) {
        // Controllers and the record too.
        return static_cast<int>(random.below(static_cast<std::uint64_t>(setting.instances + setting.controllers + 1)));
    }
    return static_cast<int>(random.below(static_cast<std::uint64_t>(setting.instances)));
}

Fault draw_fault(Random& random, const Named& kind, const Setting& setting) {
    Fault fault;
    fault.kind = kind.kind;
    fault.at_ms = random.between(4000, setting.faults_end_ms);
    fault.length_ms = random.between(kind.shortest_ms, kind.longest_ms);
    fault.who = draw_who(random, kind.kind, setting);
    return fault;
}

void draw_later_kinds(Schedule& schedule) {
    Random random(schedule.setting.seed, 11);
    if (random.chance(600)) return;
    const auto& kind = later_kinds[random.below(later_kinds.size())];
    for (auto count = random.between(1, 3); count > 0; --count) {
        const Fault fault = draw_fault(random, kind, schedule.setting);
        schedule.faults.push_back(fault);
        // What makes it matter: a change of primary meanwhile, or another leader.
        Fault other;
        other.kind = kind.kind == FaultKind::short_lease ? FaultKind::cut_control : FaultKind::switchover;
        other.at_ms = fault.at_ms + random.between(0, 800);
        other.length_ms = kind.kind == FaultKind::short_lease ? random.between(500, 9000) : 0;
        other.who = kind.kind == FaultKind::short_lease ? draw_who(random, other.kind, schedule.setting) : fault.who;
        schedule.faults.push_back(other);
    }
}

void draw_ends(Schedule& schedule) {
    Random random(schedule.setting.seed, 12);
    if (!random.chance(200)) return;
    const auto& kind = latest_kinds[0];
    for (auto count = random.between(1, 4); count > 0; --count) {
        schedule.faults.push_back(draw_fault(random, kind, schedule.setting));
    }
}

// After a change of primary, and before another one, perhaps.
void draw_old_records(Schedule& schedule) {
    Random random(schedule.setting.seed, 13);
    if (!random.chance(100)) return;
    for (auto count = random.between(1, 2); count > 0; --count) {
        Fault fault = draw_fault(random, latest_kinds[1], schedule.setting);
        fault.who = static_cast<int>(random.below(2));
        fault.whom = static_cast<int>(random.below(2));
        Fault before;
        before.kind = random.chance(700) ? FaultKind::switchover : FaultKind::kill_postgres;
        before.at_ms = fault.at_ms - random.between(500, 5000);
        before.who = draw_who(random, before.kind, schedule.setting);
        schedule.faults.push_back(before);
        schedule.faults.push_back(fault);
    }
}

void draw_newest_kinds(Schedule& schedule) {
    Random random(schedule.setting.seed, 14);
    if (!random.chance(250)) return;
    const auto& kind = latest_kinds[2 + random.below(latest_kinds.size() - 2)];
    for (auto count = random.between(1, 4); count > 0; --count) {
        schedule.faults.push_back(draw_fault(random, kind, schedule.setting));
    }
}

// One, where each commit is on two volumes before it counts.
void draw_lost_volume(Schedule& schedule) {
    Random random(schedule.setting.seed, 15);
    const bool on_two = schedule.setting.synchronous > 0 && !schedule.setting.preferred;
    if (!random.chance(200) || !on_two) return;
    Fault fault = draw_fault(random, rare_kinds[0], schedule.setting);
    if (random.chance(500)) {
        Fault before;
        before.kind = FaultKind::switchover;
        before.at_ms = fault.at_ms - random.between(500, 5000);
        before.who = fault.who;
        schedule.faults.push_back(before);
    }
    schedule.faults.push_back(fault);
}

void draw_dropped_members(Schedule& schedule) {
    Random random(schedule.setting.seed, 17);
    if (!random.chance(100)) return;
    for (auto count = random.between(1, 3); count > 0; --count) {
        Fault fault = draw_fault(random, rare_kinds[1], schedule.setting);
        fault.whom = static_cast<int>(random.between(0, 4000));
        schedule.faults.push_back(fault);
    }
}

void draw_ranks(Schedule& schedule) {
    Setting& setting = schedule.setting;
    Random random(setting.seed, 16);
    setting.first = random.chance(200);
    setting.ranked = random.chance(200);
    // Who must never be primary may be the only one who holds all: then a person has to decide.
    const bool loses =
        std::ranges::any_of(schedule.faults, [](const Fault& it) { return it.kind == FaultKind::lose_volume; });
    if (setting.instances > 2 && !loses && random.chance(100)) {
        setting.spare = static_cast<int>(random.between(1, setting.instances - 1));
    }
    const bool spared = setting.spare == 0 && setting.instances - 1 > setting.synchronous;
    if (setting.synchronous > 0 && spared && !loses && random.chance(100)) {
        setting.apart = static_cast<int>(random.between(1, setting.instances - 1));
    }
}

}  // namespace

// The only one that may be promoted gets nothing from the primary for a while before that one is gone.
void draw_left_behind(Schedule& schedule) {
    Random random(schedule.setting.seed, 18);
    const Setting& setting = schedule.setting;
    if (setting.spare == 0 || setting.instances != 3 || random.chance(500)) return;
    Fault gone;
    gone.kind = random.chance(500) ? FaultKind::restart_agent : FaultKind::isolate;
    gone.at_ms = random.between(6000, setting.faults_end_ms);
    gone.length_ms = random.between(5000, 15'000);
    Fault cut;
    cut.kind = FaultKind::cut;
    cut.whom = 3 - setting.spare;
    cut.at_ms = gone.at_ms - random.between(300, 1500);
    cut.length_ms = random.between(1500, 8000);
    schedule.faults.insert(schedule.faults.end(), {cut, gone});
}

Schedule draw(std::uint64_t seed) {
    Random random(seed, 1);
    Schedule schedule;
    Setting& setting = schedule.setting;
    setting.seed = seed;
    setting.instances = random.chance(150) ? 2 : (random.chance(100) ? 4 : 3);
    setting.controllers = 2;
    if (random.chance(500)) {
        setting.loss = static_cast<int>(random.below(80));
        setting.twice = static_cast<int>(random.below(60));
        setting.late = static_cast<int>(random.below(60));
    }
    if (random.chance(600)) setting.synchronous = setting.instances > 3 && random.chance(400) ? 2 : 1;
    setting.preferred = random.chance(250);
    setting.poll_ms = random.chance(300) ? static_cast<int>(random.between(200, 1400)) : 500;
    const auto chosen = draw_kinds(random);
    // Some schedules are crowded, others give each fault its time.
    const auto count = random.between(2, 22);
    setting.faults_end_ms = 6000 + count * random.between(300, 2000);
    // Faults come in bursts, as trouble does.
    std::int64_t centre = random.between(4000, setting.faults_end_ms);
    for (std::int64_t index = 0; index < count; ++index) {
        const auto kind = draw_kind(random, chosen);
        Fault fault;
        fault.kind = kind;
        if (random.chance(350)) centre = random.between(4000, setting.faults_end_ms);
        fault.at_ms = std::min(centre + random.between(0, 2500), setting.faults_end_ms);
        fault.length_ms = random.between(about(kind).shortest_ms, about(kind).longest_ms);
        fault.who = draw_who(random, kind, setting);
        fault.whom =
            kind == FaultKind::split ? static_cast<int>(random.between(1, 62)) : draw_who(random, kind, setting);
        schedule.faults.push_back(fault);
    }
    draw_later_kinds(schedule);
    draw_ends(schedule);
    draw_old_records(schedule);
    draw_newest_kinds(schedule);
    draw_lost_volume(schedule);
    draw_dropped_members(schedule);
    draw_ranks(schedule);
    draw_left_behind(schedule);
    return schedule;
}

std::string to_text(const Schedule& schedule) {
    const Setting& it = schedule.setting;
    std::ostringstream text;
    text << "seed " << it.seed << " instances " << it.instances << " controllers " << it.controllers << " loss "
         << it.loss << " twice " << it.twice << " late " << it.late << " synchronous " << it.synchronous
         << " preferred " << it.preferred << " poll " << it.poll_ms << " brisk " << it.brisk << " end "
         << it.faults_end_ms << "\n";
    if (it.first || it.ranked || it.spare != 0)
        text << "first " << it.first << " ranked " << it.ranked << " spare " << it.spare << "\n";
    if (it.apart != 0) text << "apart " << it.apart << "\n";
    if (it.kept) text << "kept " << it.kept << "\n";
    for (const auto& fault : schedule.faults) {
        text << about(fault.kind).name << " at " << fault.at_ms << " for " << fault.length_ms << " who " << fault.who
             << " whom " << fault.whom << "\n";
    }
    return text.str();
}

Schedule parse_schedule(const std::string& text) {
    std::istringstream in(text);
    Schedule schedule;
    std::string word;
    Setting& it = schedule.setting;
    in >> word >> it.seed >> word >> it.instances >> word >> it.controllers >> word >> it.loss >> word >> it.twice >>
        word >> it.late >> word >> it.synchronous >> word >> it.preferred >> word >> it.poll_ms >> word >> it.brisk >>
        word >> it.faults_end_ms;
    if (!in) throw std::runtime_error("a schedule that cannot be read: " + text);
    std::string name;
    while (in >> name) {
        if (name == "first") {
            in >> it.first >> word >> it.ranked >> word >> it.spare;
            continue;
        }
        if (name == "apart") {
            in >> it.apart;
            continue;
        }
        if (name == "kept") {
            in >> it.kept;
            continue;
        }
        Fault fault;
        bool known = false;
        const auto look = [&](const auto& some) {
            const auto found = std::ranges::find(some, name, &Named::name);
            if (found == some.end()) return;
            fault.kind = found->kind;
            known = true;
        };
        look(kinds);
        look(later_kinds);
        look(latest_kinds);
        look(rare_kinds);
        in >> word >> fault.at_ms >> word >> fault.length_ms >> word >> fault.who >> word >> fault.whom;
        if (!known || !in) throw std::runtime_error("a fault that cannot be read: " + name);
        schedule.faults.push_back(fault);
    }
    return schedule;
}

}  // namespace pgbosun::sim
