#pragma once
// Random numbers that depend only on the seed and on what they are for, so that leaving one fault out of a schedule
// changes as little of the rest as can be.

#include <cstdint>

namespace pgbosun::sim {

constexpr std::uint64_t mix(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15ULL;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

class Random {
public:
    Random(std::uint64_t seed, std::uint64_t purpose) : state_(mix(seed ^ mix(purpose))) {}
    std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : next() % limit; }
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
    }
    bool chance(std::uint64_t per_mille) { return below(1000) < per_mille; }

private:
    std::uint64_t next() { return mix(state_++); }
    std::uint64_t state_;
};

}  // namespace pgbosun::sim
