#include "archive/ready_queue.hpp"

#include <algorithm>

namespace pgbosun::archive {
namespace {

constexpr std::string_view ready_mark = ".ready";

bool is_history(std::string_view name) { return name.ends_with(".history"); }

}  // namespace

bool ArchiveOrderOfNames::operator()(std::string_view left, std::string_view right) const {
    if (is_history(left) != is_history(right)) return is_history(left);
    return left < right;
}

ReadyFiles ready_files(std::span<const std::string> names_in_archive_status) {
    ReadyFiles files;
    for (std::string_view name : names_in_archive_status) {
        if (!name.ends_with(ready_mark)) continue;
        name.remove_suffix(ready_mark.size());
        if (wal::parse_archive_name(name)) files.first.emplace_back(name);
    }
    const auto kept = std::min(files.first.size(), longest_look);
    const auto middle = files.first.begin() + static_cast<std::ptrdiff_t>(kept);
    std::ranges::partial_sort(files.first, middle, ArchiveOrderOfNames{});
    files.beyond = files.first.size() - kept;
    files.first.resize(kept);
    return files;
}

void ReadyQueue::looked(ReadyFiles files, std::uint64_t began) {
    const Names seen(files.first.begin(), files.first.end());
    // With marks beyond the look, one that was not seen may still be there.
    if (files.beyond == 0) {
        std::erase_if(acknowledged_,
                      [&](const auto& entry) { return entry.second.moment <= began && !seen.contains(entry.first); });
        std::erase_if(told_, [&](const auto& name) { return !acknowledged_.contains(name); });
    }
    waiting_ = asked_;
    beyond_ = files.beyond;
    put_back_.clear();
    for (const auto& name : seen) {
        if (!acknowledged_.contains(name)) waiting_.insert(name);
    }
}

void ReadyQueue::ask(const std::string& name) {
    asked_.insert(name);
    waiting_.insert(name);
    if (acknowledged_.erase(name) != 0) std::erase(told_, name);
}

void ReadyQueue::told(const std::string& name) {
    if (!acknowledged_.contains(name) || std::ranges::find(told_, name) != told_.end()) return;
    told_.push_back(name);
    if (told_.size() <= longest_told) return;
    acknowledged_.erase(told_.front());
    told_.pop_front();
}

void ReadyQueue::withdraw(const std::string& name) { asked_.erase(name); }

std::optional<std::string> ReadyQueue::take(Ahead ahead) {
    for (const auto& name : asked_) {
        if (under_way_.insert(name).second) return name;
    }
    if (ahead == Ahead::stopped) return std::nullopt;
    return take_ahead();
}

std::optional<std::string> ReadyQueue::take_ahead() {
    if (acknowledged_.size() - told_.size() >= most_acknowledged) return std::nullopt;
    std::set<std::string_view> held_timelines;
    for (const auto& name : waiting_) {
        const auto timeline = std::string_view(name).substr(0, 8);
        if (is_history(name)) {
            held_timelines.insert(timeline);
        } else if (held_timelines.contains(timeline)) {
            continue;
        }
        if (put_back_.contains(name) || !under_way_.insert(name).second) continue;
        return name;
    }
    return std::nullopt;
}

void ReadyQueue::acknowledge(const std::string& name, FileIdentity identity) {
    std::erase(told_, name);
    acknowledged_[name] = {identity, ++moment_};
    for (Names* names : {&asked_, &waiting_, &under_way_, &put_back_}) names->erase(name);
}

void ReadyQueue::put_back(const std::string& name) {
    under_way_.erase(name);
    put_back_.insert(name);
}

bool ReadyQueue::is_acknowledged(const std::string& name, const FileIdentity& identity) const {
    const auto found = acknowledged_.find(name);
    return found != acknowledged_.end() && found->second.identity == identity;
}

bool ReadyQueue::is_waiting(const std::string& name) const { return waiting_.contains(name); }

void ReadyQueue::forget() {
    acknowledged_.clear();
    told_.clear();
    waiting_ = asked_;
    put_back_.clear();
    beyond_ = 0;
}

}  // namespace pgbosun::archive
