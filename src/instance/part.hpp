#pragma once
// What the instance may be, as far as that is for others to say.

#include <string_view>

namespace pgbosun::instance {

enum class Part {
    own,       // standalone: its data says what it is
    unknown,   // managed, and nobody has said yet who is the primary
    standby,   // another instance is the primary
    isolated,  // it is the primary, and has no right to write now
    primary,   // it is the primary, and may write
};
std::string_view to_string(Part part);

// Whether a postgres that takes writes may run.
constexpr bool allows_writes(Part part) { return part == Part::own || part == Part::primary; }

}  // namespace pgbosun::instance
