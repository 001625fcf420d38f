#include "http/name_memory.hpp"

#include <algorithm>
#include <utility>

namespace pgbosun::http {

NameMemory::Step NameMemory::next(const Asker& asker, Time now) const {
    const auto known = names_.find(asker.host);
    const Name name = known == names_.end() ? Name{} : known->second;
    const bool found = !name.addresses.empty();
    if (found && now - name.found_at <= fresh) return Take{name.addresses};
    // No such host: nobody knows it any more. No answer: it is where it was.
    if (name.answered_at && *name.answered_at >= asker.since)
        return found ? Step(Take{name.addresses}) : Lack{name.why};
    Wait wait{asker.until, name.under_way ? Lookup::under_way : Lookup::to_begin};
    if (found) wait.until = std::min(wait.until, (name.under_way ? name.asked_at : now) + patience);
    if (now >= wait.until) return found ? Step(Take{name.addresses}) : Lack{std::string(unanswered)};
    const bool too_many = wait.lookup == Lookup::to_begin && known == names_.end() && !has_room();
    if (too_many) return Lack{"too many names are being looked up"};
    return wait;
}

bool NameMemory::has_room() const {
    return names_.size() < most_names ||
           std::ranges::any_of(names_, [](const auto& it) { return !it.second.under_way; });
}

void NameMemory::begin(const std::string& host, Time now) {
    if (!names_.contains(host) && names_.size() >= most_names) {
        auto oldest = names_.end();
        for (auto it = names_.begin(); it != names_.end(); ++it) {
            const bool older = oldest == names_.end() || it->second.asked_at < oldest->second.asked_at;
            if (!it->second.under_way && older) oldest = it;
        }
        if (oldest != names_.end()) names_.erase(oldest);
    }
    Name& name = names_[host];
    name.under_way = true;
    name.asked_at = now;
}

void NameMemory::note(const std::string& host, Looked looked, Time now) {
    Name& name = names_[host];
    name.under_way = false;
    name.answered_at = now;
    name.why = std::move(looked.why);
    if (looked.answer == Looked::Answer::absent) name.addresses.clear();
    if (looked.answer != Looked::Answer::found) return;
    name.addresses = std::move(looked.addresses);
    name.found_at = now;
}

}  // namespace pgbosun::http
