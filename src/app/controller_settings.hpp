#pragma once
// The configuration of pgbosun-controller: text to checked settings, with everything that is wrong found at once. Keys and
// their meaning: docs/controller.md.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/environment_view.hpp"
#include "app/finding.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::app {

struct EtcdSettings {
    std::vector<std::string> endpoints;
    std::optional<std::string> user, password_file, ca_file, cert_file, key_file;
};

struct KubernetesSettings {
    std::optional<std::string> name_space;                   // none: the pod's own
    std::optional<std::string> server, token_file, ca_file;  // none: in-cluster
};

struct InstanceAddress {
    std::string name;
    std::string url;
    std::string conninfo;
    int priority = 0;
    std::string upstream;     // another of the instances; empty: the primary
    bool synchronous = true;  // it may be one of the synchronous standbys
};

// Under Kubernetes, in place of a list: each pod with these labels is an instance of the pod's name.
struct InstanceSelector {
    std::string labels;    // as kubectl's --selector
    std::string url;       // with "{pod}" for the pod's name
    std::string conninfo;  // as well
};

struct ControllerSettings {
    std::string cluster;
    std::optional<EtcdSettings> etcd;  // one of the two
    std::optional<KubernetesSettings> kubernetes;
    std::vector<InstanceAddress> instances;
    std::optional<InstanceSelector> selector;  // the instances are those that it finds
    std::string source;  // of the cluster that a new one follows: conninfo, or archive_source; empty: of none
    std::optional<std::string> token_file, ca_file;  // for the agents
    Duration ttl = std::chrono::seconds(3);
    Duration restart_window = std::chrono::seconds(5);
    std::optional<std::uint64_t> max_lag;
    std::optional<SynchronousSettings> synchronous;
    HttpSettings http{"0.0.0.0:8009", {}, {}, {}, {}};
    std::optional<std::string> advertise;  // none: made of host name and port
    LogSettings log;
    std::size_t text_hash = 0;  // content_hash() of the file that it was read from
};

struct ReadControllerSettings {
    ControllerSettings settings;
    std::vector<Finding> findings;
    [[nodiscard]] bool usable() const { return findings.empty(); }
};

ReadControllerSettings read_controller_settings(std::string_view yaml_text, const std::string& file,
                                                const EnvironmentView& environment);

}  // namespace pgbosun::app
