#include "support/real_etcd.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "http/client.hpp"

extern char** environ;

namespace pgbosun::test {
namespace {

constexpr int skipped = 77;  // meson's word for it
constexpr auto patience = std::chrono::seconds(30);

std::string find_program() {
    if (const char* named = std::getenv("PGBOSUN_ETCD")) return named;
    for (const char* path : {"/usr/bin/etcd", "/usr/local/bin/etcd"}) {
        if (access(path, X_OK) == 0) return path;
    }
    std::puts("SKIPPED: there is no etcd (Debian's package is etcd-server; PGBOSUN_ETCD names its program)");
    std::fflush(stdout);
    std::_Exit(skipped);
}

// Free at this moment. etcd takes no port 0; that somebody else takes it first is seen as a start that fails.
int free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket, raw, length) != 0 || ::getsockname(socket, raw, &length) != 0)
        throw std::runtime_error("no port");
    ::close(socket);
    return ntohs(address.sin_port);
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
    const std::string program = find_program();
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
    for (auto& node : nodes_) {
        if (node.pid > 0) ::kill(node.pid, SIGKILL);
    }
    for (auto& node : nodes_) {
        if (node.pid > 0) ::waitpid(node.pid, nullptr, 0);
    }
}

void RealEtcd::start(Node& node, const std::string& program, const std::string& cluster) const {
    std::vector<std::string> words{program,
                                   "--name",
                                   node.name,
                                   "--data-dir",
                                   place_.path() + "/" + node.name,
                                   "--listen-client-urls",
                                   node.client_url,
                                   "--advertise-client-urls",
                                   node.client_url,
                                   "--listen-peer-urls",
                                   node.peer_url,
                                   "--initial-advertise-peer-urls",
                                   node.peer_url,
                                   "--initial-cluster",
                                   cluster,
                                   "--log-level",
                                   "error"};
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    const int error = posix_spawn(&node.pid, program.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("cannot run " + program);
}

std::vector<std::string> RealEtcd::endpoints() const {
    std::vector<std::string> urls;
    for (const auto& node : nodes_) urls.push_back(node.client_url);
    return urls;
}

void RealEtcd::kill(std::size_t node) {
    ::kill(nodes_.at(node).pid, SIGKILL);
    ::waitpid(std::exchange(nodes_.at(node).pid, -1), nullptr, 0);
}

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
