#pragma once
// An API server of Kubernetes on loopback with an etcd of its own, and nothing else of Kubernetes: no pod ever runs.
// scripts/kube-apiserver builds the program; PGBOSUN_KUBE_APISERVER is its path, else it is where that script leaves it.

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cluster_record/kubernetes_client.hpp"
#include "support/real_etcd.hpp"
#include "support/temporary_directory.hpp"

namespace pgbosun::test {

class RealKubernetes {
public:
    using Json = nlohmann::json;

    // Without the program: says so, and ends the test as skipped.
    RealKubernetes();
    ~RealKubernetes();
    RealKubernetes(const RealKubernetes&) = delete;
    RealKubernetes& operator=(const RealKubernetes&) = delete;

    // A namespace of its own with the account, the Role and the binding of images/kubernetes/controller; what the
    // controller needs to act as that account.
    cluster_record::KubernetesOptions add_namespace();

    // As an administrator, in whatever namespace the path names. Throws unless it is done.
    Json ask(const std::string& method, const std::string& target, const Json& body = nullptr) const;
    // It ends without a word, and comes back with all that was written.
    void kill_and_start();

private:
    [[nodiscard]] std::pair<int, std::string> try_to_ask(const std::string& method, const std::string& target,
                                                         const std::string& body, const std::string& type,
                                                         const std::string& token) const;
    void start();
    [[nodiscard]] std::string ca() const { return place_ / "apiserver.crt"; }

    std::string program_;  // found first: without it nothing is started
    RealEtcd etcd_{1};
    TemporaryDirectory place_;
    int port_ = 0;
    int namespaces_ = 0;
    pid_t pid_ = -1;
};

}  // namespace pgbosun::test
