#pragma once
// One API server of Kubernetes, asked as the pod's service account. Token and CA are read anew for each question, because
// the kubelet replaces them.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "http/client.hpp"
#include "http/message.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun::cluster_record {

struct KubernetesOptions {
    std::string server;  // "https://10.96.0.1:443"
    std::string name_space;
    std::string cluster;
    std::string candidate;
    std::optional<std::string> token_file;
    std::optional<std::string> ca_file;
    Duration request_timeout = std::chrono::seconds(2);
};

// The words of a pod that runs in the cluster. `variable`: of the environment. refused: this is no pod.
Result<KubernetesOptions> in_cluster(const std::function<std::optional<std::string>(std::string_view)>& variable);

struct KubernetesAnswer {
    int status = 0;
    nlohmann::json body;
};

class KubernetesClient {
public:
    static Result<KubernetesClient> make(boost::asio::io_context& io, KubernetesOptions options);

    // Answers of 200 to 299, 404, 409 and 410 are success; 401 and 403 refused, all else unavailable.
    Task<Result<KubernetesAnswer>> ask(http::Method method, std::string target, std::string body,
                                       std::string_view content_type = "application/json") const;
    // Lines of a watch, until the sink has enough.
    Task<Result<int>> watch(std::string target, Duration at_most, http::Sink sink) const;

    // "/api/v1/namespaces/data/configmaps"
    [[nodiscard]] std::string path(std::string_view group, std::string_view kind) const;
    [[nodiscard]] const KubernetesOptions& options() const { return options_; }
    [[nodiscard]] boost::asio::io_context& loop() const { return *io_; }

private:
    KubernetesClient(boost::asio::io_context& io, KubernetesOptions options, http::Client client)
        : io_(&io), options_(std::move(options)), client_(std::move(client)) {}
    [[nodiscard]] Result<http::Question> question(http::Method method, std::string target) const;

    boost::asio::io_context* io_;
    KubernetesOptions options_;
    http::Client client_;
};

}  // namespace pgbosun::cluster_record
