#include "object_store/parts.hpp"

#include <string>

namespace pgbosun::object_store {

Result<> check_part_size(std::uint64_t part_size) {
    if (part_size >= smallest_part) return {};
    return fail(FaultKind::refused, "parts of " + std::to_string(part_size) + " bytes are too small for a store");
}

Result<> check_part(int number, std::uint64_t size, std::uint64_t part_size) {
    if (number < 1 || number > most_parts) {
        return fail(FaultKind::refused,
                    "part " + std::to_string(number) + " is not from 1 to " + std::to_string(most_parts),
                    "larger parts make fewer of them");
    }
    if (size > 0 && size <= part_size) return {};
    return fail(FaultKind::refused, "part " + std::to_string(number) + " has " + std::to_string(size) +
                                        " bytes where 1 to " + std::to_string(part_size) + " fit");
}

Result<std::uint64_t> check_parts(const std::map<int, std::uint64_t>& sizes, int parts, std::uint64_t part_size) {
    if (parts < 1) return fail(FaultKind::refused, "an object of no parts");
    std::uint64_t total = 0;
    for (int number = 1; number <= parts; ++number) {
        const auto found = sizes.find(number);
        if (found == sizes.end()) return fail(FaultKind::refused, "part " + std::to_string(number) + " is missing");
        if (number < parts && found->second != part_size) {
            return fail(FaultKind::refused, "part " + std::to_string(number) + " is short and not the last");
        }
        total += found->second;
    }
    return total;
}

}  // namespace pgbosun::object_store
