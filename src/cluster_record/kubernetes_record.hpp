#pragma once
// A cluster's record in the ConfigMap pgbosun-<cluster>, changed by resourceVersion, and the election by the Lease of the
// same name. The time that another candidate wrote into the Lease is not believed: it leads until its Lease has been seen
// unchanged for its whole duration, and a twentieth more, on our own clock.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "cluster_record/kubernetes_client.hpp"
#include "pgbosun/cluster_record.hpp"

namespace pgbosun::cluster_record {

class KubernetesRecord final : public ClusterRecord {
public:
    // `clock` outlives it.
    KubernetesRecord(KubernetesClient client, const Clock& clock);

    Task<Result<RecordText>> read() override;
    Task<Result<Revision>> create(std::string text) override;
    Task<Result<Revision>> replace(std::string text, Revision expected) override;
    // Of the record only: who leads is asked for.
    Task<Result<RecordChange>> changed(Duration wait) override;
    Task<Result<>> campaign(Duration ttl) override;
    Task<Result<>> keep() override;
    Task<Result<>> resign() override;
    Task<Result<std::optional<std::string>>> leader() override;
    [[nodiscard]] std::string describe() const override;

private:
    struct Lease {
        std::string holder;  // empty: nobody
        std::string version;
        Duration duration{};
        std::string acquired;
        std::int64_t transitions = 0;
    };
    struct Observed {
        std::string version;
        Instant since{};
    };

    [[nodiscard]] nlohmann::json config_map(std::string text) const;
    Task<Result<Revision>> store(http::Method method, std::string target, nlohmann::json body);
    Task<Result<>> begin_watching();
    // none: there is no Lease.
    Task<Result<std::optional<Lease>>> read_lease();
    Task<Result<>> write_lease(std::optional<Lease> over, std::string holder, Duration duration);
    bool is_over(const Lease& lease);
    Task<Result<>> hold(Duration ttl);

    KubernetesClient client_;
    const Clock& clock_;
    std::string name_;
    std::optional<std::string> told_until_;  // the resourceVersion that changed() goes on from
    std::optional<Observed> observed_;       // the Lease of another
    Duration ttl_{};                         // while we lead, or may
};

}  // namespace pgbosun::cluster_record
