#pragma once
// A cluster of etcd on loopback for a test. PGBOSUN_ETCD is the path of its program, else PATH is searched.

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "support/temporary_directory.hpp"

namespace pgbosun::test {

class RealEtcd {
public:
    // Without the program: says so, and ends the test as skipped.
    explicit RealEtcd(std::size_t nodes);
    ~RealEtcd();
    RealEtcd(const RealEtcd&) = delete;
    RealEtcd& operator=(const RealEtcd&) = delete;

    [[nodiscard]] std::vector<std::string> endpoints() const;
    void kill(std::size_t node);    // SIGKILL
    void freeze(std::size_t node);  // SIGSTOP: it takes connections and says nothing
    // Which node leads, by etcd's own word: a test kills that one.
    [[nodiscard]] std::size_t leader() const;

private:
    struct Node {
        std::string name, client_url, peer_url;
        pid_t pid = -1;
    };
    void start(Node& node, const std::string& program, const std::string& cluster) const;

    TemporaryDirectory place_;
    std::vector<Node> nodes_;
};

}  // namespace pgbosun::test
