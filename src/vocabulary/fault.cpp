#include "pgbosun/fault.hpp"

namespace pgbosun {

std::string_view to_string(FaultKind kind) {
    switch (kind) {
        case FaultKind::not_found: return "not found";
        case FaultKind::unavailable: return "unavailable";
        case FaultKind::refused: return "refused";
        case FaultKind::conflict: return "conflict";
        case FaultKind::corrupt: return "corrupt";
        case FaultKind::cancelled: return "cancelled";
    }
    std::unreachable();
}

Fault Fault::in(std::string_view context) && {
    what.insert(0, ": ").insert(0, context);
    return std::move(*this);
}

std::string Fault::text() const { return hint.empty() ? what : what + " (hint: " + hint + ")"; }

}  // namespace pgbosun
