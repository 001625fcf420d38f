#include "pgbosun/publication.hpp"

#include <utility>

namespace pgbosun {

std::string_view to_string(PublishedRole role) {
    switch (role) {
        case PublishedRole::primary: return "primary";
        case PublishedRole::standby: return "standby";
        case PublishedRole::none: return "none";
    }
    std::unreachable();
}

}  // namespace pgbosun
