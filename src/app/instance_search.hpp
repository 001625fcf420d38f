#pragma once
// The instances of a controller under Kubernetes that are not named but chosen by their labels. A pod that comes is taken in; one
// that goes stays an instance until the controller reads its configuration anew, for it mostly comes back by the same name.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <vector>

#include "app/controller_settings.hpp"
#include "cluster_record/kubernetes_client.hpp"

namespace pgbosun::app {

// An instance for each pod, by its name; "{pod}" in url and conninfo is that.
std::vector<InstanceAddress> addresses_of(const InstanceSelector& selector, const std::vector<std::string>& pods);

// `known` and what of `found` is not among them, sorted by name.
std::vector<InstanceAddress> joined(std::vector<InstanceAddress> known, const std::vector<InstanceAddress>& found);

// Runs `loop` until there is one at least, or until somebody stops it: then there is none.
std::vector<InstanceAddress> find_instances(boost::asio::io_context& loop,
                                            const cluster_record::KubernetesClient& client,
                                            const InstanceSelector& selector);

// Looks every 10 s until the loop ends. `more`: with all that are known, once; then it has ended.
Task<> watch_instances(cluster_record::KubernetesClient client, InstanceSelector selector,
                       std::vector<InstanceAddress> known, std::function<void(std::vector<InstanceAddress>)> more);

}  // namespace pgbosun::app
