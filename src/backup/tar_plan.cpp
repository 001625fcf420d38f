#include "backup/tar_plan.hpp"

#include <algorithm>
#include <tuple>

#include "backup/tar_entry.hpp"

namespace pgbosun::backup {
namespace {

constexpr int tars_for_each_worker = 8;

bool is_control_file(const FileTree& tree, const FileEntry& file) {
    return file.name == "pg_control" && tree.directories[file.directory].path == "global";
}

std::uint64_t directories_bytes(const FileTree& tree) {
    std::uint64_t bytes = 0;
    for (const auto& directory : tree.directories) bytes += tar_entry_bytes(directory.path.size() + 2, 0);
    return bytes;
}

std::uint64_t entry_bytes(const FileTree& tree, const FileEntry& file) {
    const auto path = tree.directories[file.directory].path.size() + 1 + file.name.size();
    return tar_entry_bytes(path, file.size);
}

class TreePlan {
public:
    TreePlan(const PlannedTree& planned, std::size_t index, std::uint64_t goal) : planned_(planned), goal_(goal) {
        current_ = first(index);
    }

    std::vector<PlannedTar> run() {
        const auto& tree = *planned_.tree;
        for (std::size_t at = 0; at < tree.files.size(); ++at) {
            const auto& file = tree.files[at];
            if (!planned_.tablespace && is_control_file(tree, file)) continue;
            const auto bytes = entry_bytes(tree, file);
            // A large file closes no tar of small ones: it has one of its own.
            const auto cost = bytes + PlannedTar::cost_of_a_file;
            if (cost >= goal_ && !current_.files.empty()) {
                PlannedTar own = next();
                own.files.push_back(at);
                own.bytes += bytes;
                done_.push_back(std::move(own));
                continue;
            }
            if (!current_.files.empty() && current_.cost() + cost > goal_) {
                done_.push_back(std::move(current_));
                current_ = next();
            }
            current_.files.push_back(at);
            current_.bytes += bytes;
        }
        if (!current_.files.empty() || current_.directories) done_.push_back(std::move(current_));
        number_parts();
        return std::move(done_);
    }

private:
    PlannedTar first(std::size_t index) const {
        PlannedTar tar{.tree = index, .tablespace = planned_.tablespace, .directories = true};
        tar.bytes = directories_bytes(*planned_.tree) + tar_end_bytes;
        return tar;
    }
    [[nodiscard]] PlannedTar next() const {
        return {.tree = current_.tree, .tablespace = planned_.tablespace, .bytes = tar_end_bytes};
    }
    // The one with the directories is the first, for readers that take them in order.
    void number_parts() {
        const auto with_directories = std::ranges::find(done_, true, &PlannedTar::directories);
        std::rotate(done_.begin(), with_directories, with_directories + 1);
        int part = 0;
        for (auto& tar : done_) tar.part = part++;
    }

    const PlannedTree& planned_;
    const std::uint64_t goal_;
    PlannedTar current_;
    std::vector<PlannedTar> done_;
};

std::uint64_t goal_of(std::uint64_t cost, int workers, const TarLimits& limits) {
    const auto shares = static_cast<std::uint64_t>(std::max(workers, 1)) * tars_for_each_worker;
    const auto goal = std::clamp(cost / shares, limits.smallest, limits.largest);
    return std::max(goal, cost / limits.most);
}

}  // namespace

TarPlan plan_tars(const std::vector<PlannedTree>& trees, int workers, const TarLimits& limits) {
    TarPlan plan;
    std::uint64_t files = 0;
    for (const auto& planned : trees) {
        for (const auto& file : planned.tree->files) plan.bytes += file.size;
        files += planned.tree->files.size();
    }
    const auto goal = goal_of(plan.bytes + files * PlannedTar::cost_of_a_file, workers, limits);
    for (std::size_t index = 0; index < trees.size(); ++index) {
        auto tars = TreePlan(trees[index], index, goal).run();
        if (!trees[index].tablespace) plan.last_part = static_cast<int>(tars.size());
        std::ranges::move(tars, std::back_inserter(plan.tars));
    }
    std::ranges::sort(plan.tars, [](const PlannedTar& one, const PlannedTar& other) {
        const auto costs = std::pair(one.cost(), other.cost());
        return std::tie(costs.second, one.tree, one.part) < std::tie(costs.first, other.tree, other.part);
    });
    return plan;
}

}  // namespace pgbosun::backup
