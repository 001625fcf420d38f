#include "backup/page_survey.hpp"

#include <algorithm>
#include <functional>

namespace pgbosun::backup {

void PageSurvey::add_bad(const std::string& path, std::uint64_t page) {
    const std::lock_guard lock(mutex_);
    ++count_;
    if (named_.size() < most_named_pages) named_.push_back({path, page});
}

void PageSurvey::add_changed(const std::string& path, std::uint64_t page, Lsn written) {
    const std::lock_guard lock(mutex_);
    changed_.push_back({{path, page}, written});
    std::ranges::push_heap(changed_, std::ranges::greater{}, &ChangedPage::written);
    if (changed_.size() <= most_named_pages) return;
    std::ranges::pop_heap(changed_, std::ranges::greater{}, &ChangedPage::written);
    if (unnamed_changed_.size() < most_changed_pages) {
        unnamed_changed_.push_back(changed_.back().written);
    } else {
        ++beyond_;
    }
    changed_.pop_back();
}

void PageSurvey::judge_changed(Lsn stop) {
    std::vector<ChangedPage> changed;
    {
        const std::lock_guard lock(mutex_);
        changed.swap(changed_);
        const auto is_bad = [stop](Lsn written) { return written > stop; };
        count_ += static_cast<std::uint64_t>(std::ranges::count_if(unnamed_changed_, is_bad)) + beyond_;
        unnamed_changed_.clear();
        beyond_ = 0;
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
