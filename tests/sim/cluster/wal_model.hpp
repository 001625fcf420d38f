#pragma once
// WAL as far as the protocol cares: which branch each stretch of it was written on. A branch is one promotion; its
// timeline number may be that of another branch, its identity never is.

#include <cstdint>
#include <vector>

namespace pgbosun::sim {

struct Leg {
    int branch = 0;
    std::uint64_t begin = 0;
    bool operator==(const Leg&) const = default;
};

struct Wal {
    std::vector<Leg> legs;  // oldest first; each ends where the next begins
    std::uint64_t end = 0;
    std::uint32_t timeline = 1;

    [[nodiscard]] bool empty() const { return legs.empty(); }
    [[nodiscard]] std::uint64_t end_of(std::size_t leg) const {
        return leg + 1 < legs.size() ? legs[leg + 1].begin : end;
    }
    [[nodiscard]] bool contains(int branch, std::uint64_t position) const {
        for (std::size_t leg = 0; leg < legs.size(); ++leg) {
            if (legs[leg].branch == branch) return end_of(leg) >= position;
        }
        return false;
    }
    // Whether `whole` goes on from here: all of this is in it.
    [[nodiscard]] bool is_prefix_of(const Wal& whole) const {
        if (end > whole.end || legs.size() > whole.legs.size()) return false;
        for (std::size_t leg = 0; leg < legs.size(); ++leg) {
            if (!(legs[leg] == whole.legs[leg])) return false;
        }
        return legs.empty() || end <= whole.end_of(legs.size() - 1);
    }
};

}  // namespace pgbosun::sim
