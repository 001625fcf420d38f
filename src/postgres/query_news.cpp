#include "postgres/query_news.hpp"

namespace pgbosun::postgres {

std::optional<QueryNews> QueryTroubles::failed(const Place& place, const Fault& fault) {
    Trouble& trouble = troubles_[place];
    const bool once = fault.kind == FaultKind::unavailable && !trouble.did_not_answer;
    trouble.did_not_answer = fault.kind == FaultKind::unavailable;
    if (once || trouble.said == fault.what) return std::nullopt;
    trouble.said = fault.what;
    return QueryNews{.query = place.first, .database = place.second, .fault = fault};
}

std::optional<QueryNews> QueryTroubles::worked(const Place& place) {
    const auto found = troubles_.find(place);
    if (found == troubles_.end()) return std::nullopt;
    const bool was_said = !found->second.said.empty();
    troubles_.erase(found);
    if (!was_said) return std::nullopt;
    return QueryNews{.query = place.first, .database = place.second, .fault = std::nullopt};
}

void QueryTroubles::server_gone() {
    for (auto& [place, trouble] : troubles_) trouble.did_not_answer = false;
}

void QueryTroubles::keep_only(const std::function<bool(const Place&)>& wanted) {
    std::erase_if(troubles_, [&](const auto& entry) { return !wanted(entry.first); });
}

}  // namespace pgbosun::postgres
