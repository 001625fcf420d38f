#pragma once
#include <memory>

#include "app/client_target.hpp"
#include "app/instance_client.hpp"

namespace pgbosun::app {

// Opens nothing yet. refused: the URL cannot be used.
Result<std::unique_ptr<InstanceClient>> connect_instance(const ClientTarget& target);

}  // namespace pgbosun::app
