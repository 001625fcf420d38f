#include "postgres/one_series.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace pgbosun::postgres {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

struct Known {
    MetricKind kind;
    std::set<Labels> series;
};

Labels sorted(Labels labels) {
    std::ranges::sort(labels);
    return labels;
}

}  // namespace

std::optional<Fault> drop_known_series(std::vector<MetricFamily>& fresh,
                                       const std::vector<const std::vector<MetricFamily>*>& others) {
    std::set<std::string> names;
    for (const auto& family : fresh) names.insert(family.name);
    std::map<std::string, Known> known;
    for (const auto* families : others) {
        for (const auto& family : *families) {
            if (family.samples.empty() || !names.contains(family.name)) continue;
            auto& there = known.try_emplace(family.name, Known{family.kind, {}}).first->second;
            for (const auto& sample : family.samples) there.series.insert(sorted(sample.labels));
        }
    }
    std::string twice;
    for (auto& family : fresh) {
        auto& there = known.try_emplace(family.name, Known{family.kind, {}}).first->second;
        const auto dropped = std::erase_if(family.samples, [&](const MetricSample& sample) {
            return there.kind != family.kind || !there.series.insert(sorted(sample.labels)).second;
        });
        if (dropped > 0 && twice.empty()) twice = family.name;
    }
    if (twice.empty()) return std::nullopt;
    return Fault{FaultKind::refused, twice + " has a series that is there already",
                 "tell rows and databases apart by a column with usage LABEL, such as current_database() as datname"};
}

}  // namespace pgbosun::postgres
