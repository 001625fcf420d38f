#pragma once
// Roles as the label pgbosun.io/role of the instances' pods, which Services select by, and events about the record's
// ConfigMap, which `kubectl describe` and `kubectl get events` show. An instance is called as its pod is.

#include "cluster_record/kubernetes_client.hpp"
#include "pgbosun/publication.hpp"

namespace pgbosun::cluster_record {

class KubernetesPublication final : public Publication {
public:
    // `clock` outlives it.
    KubernetesPublication(KubernetesClient client, const Clock& clock) : client_(std::move(client)), clock_(clock) {}

    Task<Result<>> publish(std::string instance, PublishedRole role) override;
    Task<Result<>> tell(std::string reason, std::string message) override;

private:
    KubernetesClient client_;
    const Clock& clock_;
};

}  // namespace pgbosun::cluster_record
