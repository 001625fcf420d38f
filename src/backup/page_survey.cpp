#include "backup/page_survey.hpp"

#include <algorithm>

namespace pgbosun::backup {

void PageSurvey::add_bad(const std::string& path, std::uint64_t page) {
    const std::lock_guard lock(mutex_);
    ++count_;
    if (named_.size() < most_named_pages) named_.push_back({path, page});
}

void PageSurvey::add_changed(const std::string& path, std::uint64_t page, Lsn written) {
    const std::lock_guard lock(mutex_);
    if (changed_.size() < most_named_pages) changed_.push_back({{path, page}, written});
}

void PageSurvey::judge_changed(Lsn stop) {
    std::vector<ChangedPage> changed;
    {
        const std::lock_guard lock(mutex_);
        changed.swap(changed_);
    }
    for (const auto& [page, written] : changed) {
        if (written > stop) add_bad(page.path, page.page);
    }
}

std::uint64_t PageSurvey::count() const {
    const std::lock_guard lock(mutex_);
    return count_;
}

std::vector<BadPage> PageSurvey::named() const {
    std::vector<BadPage> named;
    {
        const std::lock_guard lock(mutex_);
        named = named_;
    }
    std::ranges::sort(named);
    return named;
}

}  // namespace pgbosun::backup
