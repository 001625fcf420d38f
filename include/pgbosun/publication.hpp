#pragma once
// Where clients find the instances of a cluster: labels that Services select by. Each call ends by itself.

#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun {

// What traffic an instance should get.
enum class PublishedRole { primary, standby, none };
std::string_view to_string(PublishedRole role);

class Publication {
public:
    virtual ~Publication() = default;

    // Success: everybody can see it. not_found: there is no such instance.
    virtual Task<Result<>> publish(std::string instance, PublishedRole role) = 0;
    // For people who look there: `reason` is one word in CamelCase. Nobody depends on it.
    virtual Task<Result<>> tell(std::string reason, std::string message) = 0;
};

}  // namespace pgbosun
