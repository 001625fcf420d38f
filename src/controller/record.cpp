#include "controller/record.hpp"

#include <algorithm>

namespace pgbosun::controller {

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

bool is_listed(const Record& record, const std::string& name) {
    return contains(record.promotable.names, name) && contains(record.acknowledged.names, name);
}

std::vector<std::string> writers(const Record& record) {
    std::vector<std::string> all = record.former;
    if (!record.primary.empty() && record.primary != source_name && !contains(all, record.primary))
        all.push_back(record.primary);
    return all;
}

Record change_primary(const Record& record, const std::string& to, Chosen chosen, DataLoss data_loss) {
    Record next = record;
    ++next.term;
    next.primary = to;
    next.source.clear();
    next.chosen = chosen;
    next.data_loss = data_loss;
    next.handed_by.clear();
    next.lost.clear();
    next.former = writers(record);
    std::erase(next.former, to);
    if (contains(next.former, record.primary)) next.former_terms[record.primary] = record.term;
    next.former_terms.erase(to);
    next.promotable = {record.promotable.version + 1, {}};
    for (const auto& name : record.promotable.names) {
        if (name != to && contains(record.acknowledged.names, name)) next.promotable.names.push_back(name);
    }
    next.acknowledged = next.promotable;
    return next;
}

Record hand_over(const Record& record, const std::string& to) {
    Record next = change_primary(record, to, Chosen::from_list, DataLoss::refused);
    next.handed_by = record.primary;
    next.promotable.names.push_back(record.primary);
    next.acknowledged = next.promotable;
    return next;
}

Record follow_source(const Record& record, std::string source) {
    const std::string to(source_name);
    Record next =
        record.primary == source_name ? record : change_primary(record, to, Chosen::all_stopped, DataLoss::refused);
    next.source = std::move(source);
    return next;
}

}  // namespace pgbosun::controller
