#include "backup/tar_plan.hpp"

#include <algorithm>
#include <map>
#include <random>

#include "backup/tar_entry.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"

using namespace pgbosun::backup;

namespace {

FileTree tree_of(const std::vector<std::uint64_t>& sizes) {
    FileTree tree;
    tree.directories = {{"", 0700, 0}, {"base", 0700, 0}, {"global", 0700, 0}};
    int number = 0;
    for (const auto size : sizes) tree.files.push_back({1, 0600, std::to_string(++number), size});
    return tree;
}

constexpr std::uint64_t mega = 1 << 20;

// What must hold of every plan.
void check_plan(const TarPlan& plan, const std::vector<PlannedTree>& trees, std::size_t left_out) {
    std::map<std::pair<std::size_t, std::size_t>, int> seen;
    std::map<std::optional<std::uint32_t>, std::map<int, const PlannedTar*>> parts;
    std::uint64_t before = ~0ULL;
    for (const auto& tar : plan.tars) {
        CHECK(tar.cost() <= before);
        before = tar.cost();
        std::uint64_t bytes = tar_end_bytes;
        for (const auto file : tar.files) {
            ++seen[{tar.tree, file}];
            const auto& tree = *trees[tar.tree].tree;
            bytes += tar_header({.path = tree.path_of(tree.files[file]), .size = tree.files[file].size}).size();
            bytes += tree.files[file].size + tar_padding(tree.files[file].size);
        }
        CHECK(bytes <= tar.bytes);
        CHECK(parts[tar.tablespace].emplace(tar.part, &tar).second);
    }
    std::size_t files = 0;
    for (const auto& planned : trees) files += planned.tree->files.size();
    CHECK(seen.size() == files - left_out);
    for (const auto& [file, count] : seen) CHECK(count == 1);
    for (const auto& [tablespace, numbered] : parts) {
        CHECK(numbered.begin()->first == 0);
        CHECK(numbered.rbegin()->first == static_cast<int>(numbered.size()) - 1);
        for (const auto& [part, tar] : numbered) CHECK(tar->directories == (part == 0));
    }
    CHECK(plan.last_part == static_cast<int>(parts[std::nullopt].size()));
}

}  // namespace

TEST_CASE("every file is in exactly one tar, the costliest tars come first") {
    const auto seed = pgbosun::test::seed();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 50; ++round) {
        std::vector<std::uint64_t> sizes(random() % 200);
        for (auto& size : sizes) size = random() % 10 == 0 ? random() % (300 * mega) : random() % mega;
        const auto data = tree_of(sizes);
        const auto space = tree_of({sizes.begin(), sizes.begin() + static_cast<long>(sizes.size() / 3)});
        const std::vector<PlannedTree> trees = {{&space, 16400}, {&data, std::nullopt}};
        check_plan(plan_tars(trees, static_cast<int>(random() % 8) + 1), trees, 0);
    }
}

TEST_CASE("the control file is left to the last tar") {
    auto tree = tree_of({10, 20});
    tree.files.push_back({2, 0600, "pg_control", 8192});
    tree.files.push_back({1, 0600, "pg_control", 8192});  // another one of that name
    const std::vector<PlannedTree> trees = {{&tree, std::nullopt}};
    check_plan(plan_tars(trees, 2), trees, 1);
}

TEST_CASE("an empty tree still has a tar with its directories") {
    const auto data = tree_of({});
    const std::vector<PlannedTree> trees = {{&data, std::nullopt}};
    const auto plan = plan_tars(trees, 4);
    REQUIRE(plan.tars.size() == 1);
    CHECK(plan.tars[0].directories);
    CHECK(plan.last_part == 1);
}

TEST_CASE("two workers get equal shares of a database of a few large files") {
    const std::vector<std::uint64_t> sizes = {1024 * mega, 700 * mega, 280 * mega, 10 * mega, 10 * mega};
    const auto data = tree_of(sizes);
    const auto plan = plan_tars({{&data, std::nullopt}}, 2);
    // As two workers take them, each the next one when it is ready.
    std::uint64_t first = 0, second = 0;
    for (const auto& tar : plan.tars) (first <= second ? first : second) += tar.bytes;
    CHECK(std::max(first, second) < 1100 * mega);
}

TEST_CASE("small files are shared too: a thousand of them cost more than their bytes") {
    std::vector<std::uint64_t> sizes = {1024 * mega, 700 * mega, 280 * mega};
    sizes.resize(1200, 16 << 10);
    const auto data = tree_of(sizes);
    const auto plan = plan_tars({{&data, std::nullopt}}, 2);
    const auto small = std::ranges::count_if(plan.tars, [](const PlannedTar& tar) { return tar.files.size() > 1; });
    CHECK(small >= 2);
}

TEST_CASE("a database with nothing in it has few tars") {
    const auto data = tree_of(std::vector<std::uint64_t>(1000, 24 << 10));
    CHECK(plan_tars({{&data, std::nullopt}}, 4).tars.size() <= 3);
}

TEST_CASE("a database of terabytes does not have more tars than a listing shows") {
    const auto data = tree_of(std::vector<std::uint64_t>(50'000, 1024 * mega));
    const auto plan = plan_tars({{&data, std::nullopt}}, 4);
    CHECK(plan.tars.size() < 10'000);
}
