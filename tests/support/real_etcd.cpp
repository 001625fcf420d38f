#include "support/real_etcd.hpp"

#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>

#include "http/client.hpp"
#include "support/real_program.hpp"

namespace pgbosun::test {
namespace {

constexpr auto patience = std::chrono::seconds(30);

std::string etcd() {
    std::vector<std::string> paths{"/usr/bin/etcd", "/usr/local/bin/etcd"};
    if (const char* named = std::getenv("PGBOSUN_ETCD")) paths = {named};
    return find_program(paths, "there is no etcd (Debian's package is etcd-server; PGBOSUN_ETCD names its program)");
}

std::string url() { return "http://127.0.0.1:" + std::to_string(free_port()); }

// A question that needs the cluster's majority.
bool answers(const std::string& client_url) {
    http::Question question;
    question.method = "POST";
    question.target = "/v3/kv/range";
    question.body = R"({"key": "eA=="})";
    question.timeout = std::chrono::milliseconds(500);
    const auto answered = http::Client::url(client_url)->request(question);
    return answered && answered->status == 200;
}

}  // namespace

RealEtcd::RealEtcd(std::size_t nodes) {
    const std::string program = etcd();
    std::string cluster;
    for (std::size_t i = 0; i < nodes; ++i) {
        nodes_.push_back({"n" + std::to_string(i), url(), url(), -1});
        cluster.append(cluster.empty() ? "" : ",").append(nodes_.back().name + "=" + nodes_.back().peer_url);
    }
    for (auto& node : nodes_) start(node, program, cluster);
    const auto give_up = std::chrono::steady_clock::now() + patience;
    for (const auto& node : nodes_) {
        while (!answers(node.client_url)) {
            if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error("etcd did not start");
        }
    }
}

RealEtcd::~RealEtcd() {
    for (auto& node : nodes_) end_program(node.pid);
}

void RealEtcd::start(Node& node, const std::string& program, const std::string& cluster) const {
    node.pid = start_program(
        {program, "--name", node.name, "--data-dir", place_.path() + "/" + node.name, "--listen-client-urls",
         node.client_url, "--advertise-client-urls", node.client_url, "--listen-peer-urls", node.peer_url,
         "--initial-advertise-peer-urls", node.peer_url, "--initial-cluster", cluster, "--log-level", "error"},
        "/dev/null");
}

std::vector<std::string> RealEtcd::endpoints() const {
    std::vector<std::string> urls;
    for (const auto& node : nodes_) urls.push_back(node.client_url);
    return urls;
}

void RealEtcd::kill(std::size_t node) { end_program(nodes_.at(node).pid); }

void RealEtcd::freeze(std::size_t node) { ::kill(nodes_.at(node).pid, SIGSTOP); }

std::size_t RealEtcd::leader() const {
    const auto text_of = [](const std::string& body, const std::string& key) {
        const auto at = body.find("\"" + key + "\":\"");
        if (at == std::string::npos) return std::string();
        const auto from = at + key.size() + 4;
        return body.substr(from, body.find('"', from) - from);
    };
    http::Question question;
    question.method = "POST";
    question.target = "/v3/maintenance/status";
    question.body = "{}";
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const auto answered = http::Client::url(nodes_[i].client_url)->request(question);
        if (answered && text_of(answered->body, "leader") == text_of(answered->body, "member_id")) return i;
    }
    throw std::runtime_error("no node of etcd leads");
}

}  // namespace pgbosun::test
