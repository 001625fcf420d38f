#include "shrink.hpp"

namespace pgbosun::sim {
namespace {

constexpr int most_attempts = 400;

}  // namespace

std::optional<std::string> violation_of(const Schedule& schedule, Sabotage sabotage) {
    World world(schedule, sabotage, false);
    world.run();
    return world.violation();
}

Schedule shrink(Schedule schedule, Sabotage sabotage) {
    int attempts = 0;
    bool shorter = true;
    const auto try_instead = [&](const Schedule& other) {
        if (++attempts > most_attempts || !violation_of(other, sabotage)) return false;
        schedule = other;
        shorter = true;
        return true;
    };
    while (shorter) {
        shorter = false;
        for (std::size_t index = schedule.faults.size(); index-- > 0;) {
            Schedule other = schedule;
            other.faults.erase(other.faults.begin() + static_cast<std::ptrdiff_t>(index));
            try_instead(other);
        }
        for (int Setting::*noise : {&Setting::loss, &Setting::twice, &Setting::late}) {
            if (schedule.setting.*noise == 0) continue;
            Schedule other = schedule;
            other.setting.*noise = 0;
            try_instead(other);
        }
    }
    return schedule;
}

std::vector<std::string> story(const Schedule& schedule, Sabotage sabotage, std::size_t lines) {
    World world(schedule, sabotage, true);
    world.run();
    const auto& all = world.history();
    const std::size_t first = all.size() > lines ? all.size() - lines : 0;
    return {all.begin() + static_cast<std::ptrdiff_t>(first), all.end()};
}

}  // namespace pgbosun::sim
