#pragma once
// The pods that a label selector chooses in the record's namespace. The Role needs `list` on pods for it.

#include <string>
#include <vector>

#include "cluster_record/kubernetes_client.hpp"

namespace pgbosun::cluster_record {

inline constexpr std::size_t most_pods = 64;

// Their names, sorted. `selector`: "app=pgbosun,pgbosun.io/cluster=orders". refused: Kubernetes does not allow it, or there are
// more than `most_pods`.
Task<Result<std::vector<std::string>>> pods_of(const KubernetesClient& client, std::string selector);

}  // namespace pgbosun::cluster_record
