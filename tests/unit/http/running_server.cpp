#include "unit/http/running_server.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace pgbosun::test {
namespace {

HttpSettings on_any_port(HttpSettings http) {
    http.listen = "127.0.0.1:0";
    return http;
}

MetricsSettings metrics_on_any_port() {
    MetricsSettings metrics;
    metrics.listen = "127.0.0.1:0";
    return metrics;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "pgbosun-http-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
    path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() { std::filesystem::remove_all(path_); }

std::string TemporaryDirectory::write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::binary) << text;
    return file(name);
}

Result<> start(http::Server& server, const HttpSettings& http) {
    auto files = http::read_server_files(http);
    return files ? server.start(std::move(*files)) : Result<>(std::unexpected(files.error()));
}

Result<> reload(http::Server& server, const HttpSettings& http) {
    auto files = http::read_server_files(http);
    return files ? server.reload(http, std::move(*files)) : Result<>(std::unexpected(files.error()));
}

RunningServer::RunningServer(HttpSettings http, http::Limits limits)
    : server(io_, control, journal, on_any_port(http), metrics_on_any_port(), socket_path, limits) {
    if (auto started = start(server, http); !started) throw std::runtime_error(started.error().text());
    thread_ = std::jthread([this] { io_.run(); });
}

// Joining shows that stop() leaves nothing behind that would keep the loop going.
RunningServer::~RunningServer() {
    on_loop([this] { server.stop(); });
    on_loop([this] { control.finish_held_command(); });
    work_.reset();
    thread_.join();
}

RawPeer::RawPeer(int socket) : socket_(socket) {
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

RawPeer::~RawPeer() {
    if (socket_ >= 0) ::close(socket_);
}

RawPeer RawPeer::tcp(std::uint16_t port) {
    RawPeer peer(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(peer.socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        throw std::runtime_error("connect");
    }
    return peer;
}

RawPeer RawPeer::unix_socket(const std::string& path) {
    RawPeer peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::connect(peer.socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        throw std::runtime_error("connect");
    }
    return peer;
}

RawPeer& RawPeer::send(std::string_view text) {
    while (!text.empty()) {
        const auto count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
        if (count <= 0) break;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return *this;
}

void RawPeer::finish_sending() { ::shutdown(socket_, SHUT_WR); }

bool RawPeer::read_more() {
    char buffer[4096];
    const auto count = ::recv(socket_, buffer, sizeof buffer, 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) throw std::runtime_error("nothing came for 20 s");
    if (count <= 0) return false;
    got_.append(buffer, static_cast<std::size_t>(count));
    return true;
}

std::string RawPeer::read_until(std::string_view marker) {
    while (got_.find(marker) == std::string::npos) {
        if (!read_more()) throw std::runtime_error("closed before \"" + std::string(marker) + "\"; got: " + got_);
    }
    const auto end = got_.find(marker) + marker.size();
    std::string text = got_.substr(0, end);
    got_.erase(0, end);
    return text;
}

std::string RawPeer::read_answer() {
    std::string answer = read_head();
    static constexpr std::string_view field = "Content-Length: ";
    const auto at = answer.find(field);
    if (at == std::string::npos) throw std::runtime_error("no Content-Length in " + answer);
    const auto length = std::stoul(answer.substr(at + field.size()));
    while (got_.size() < length && read_more()) continue;
    answer += got_.substr(0, length);
    got_.erase(0, length);
    return answer;
}

std::string RawPeer::read_to_end() {
    while (read_more()) continue;
    return std::exchange(got_, {});
}

}  // namespace pgbosun::test
