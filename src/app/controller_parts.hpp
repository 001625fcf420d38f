#pragma once
// What a controller is put together from, as its configuration says.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "app/controller_settings.hpp"
#include "cluster_record/kubernetes_client.hpp"
#include "controller/controller.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::app {

controller::Policy policy_of(const ControllerSettings& settings);

// What answers where others reach us.
std::string advertised(const ControllerSettings& settings, const EnvironmentView& environment, std::uint16_t port);

struct Engine {
    std::unique_ptr<ClusterRecord> record;
    std::unique_ptr<Publication> publication;                    // null: there are no labels to set
    std::optional<cluster_record::KubernetesClient> kubernetes;  // of that engine
};

// refused: how Kubernetes is to be asked is not known, or a file cannot be used. `clock` outlives it.
Result<Engine> engine_of(boost::asio::io_context& loop, const Clock& clock, const ControllerSettings& settings,
                         const std::string& candidate, const EnvironmentView& environment);
Result<cluster_record::KubernetesClient> kubernetes_client(boost::asio::io_context& loop,
                                                           const ControllerSettings& settings,
                                                           const std::string& candidate,
                                                           const EnvironmentView& environment);

using AgentLinks = std::map<std::string, std::unique_ptr<AgentLink>>;
Result<AgentLinks> links_of(boost::asio::io_context& loop, const ControllerSettings& settings);

}  // namespace pgbosun::app
