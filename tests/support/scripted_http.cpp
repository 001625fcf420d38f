#include "support/scripted_http.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "object_store/uri.hpp"

namespace pgbosun::test {
namespace {

bool send_all(int connection, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t sent = send(connection, text.data() + at, text.size() - at, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        at += static_cast<std::size_t>(sent);
    }
    return true;
}

bool receive_some(int connection, std::string& buffer) {
    char part[65536];
    const ssize_t got = recv(connection, part, sizeof part, 0);
    if (got > 0) buffer.append(part, static_cast<std::size_t>(got));
    return got > 0;
}

void reset(int connection) {
    const linger abort_it{1, 0};
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &abort_it, sizeof abort_it);
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

// Of a query, where '+' is what it is.
std::string plain(std::string text) {
    for (std::size_t at = 0; (at = text.find('+', at)) != std::string::npos;) text.replace(at, 1, "%2B");
    return object_store::decode_uri(text).value_or("?");
}

std::map<std::string, std::string> parse_query(const std::string& raw) {
    std::map<std::string, std::string> query;
    for (std::size_t at = 0; at < raw.size();) {
        const std::size_t end = std::min(raw.find('&', at), raw.size());
        const std::string part = raw.substr(at, end - at);
        const std::size_t equals = std::min(part.find('='), part.size());
        query[plain(part.substr(0, equals))] = plain(part.substr(std::min(equals + 1, part.size())));
        at = end + 1;
    }
    return query;
}

}  // namespace

ScriptedReply ScriptedReply::with(const std::string& status, const std::string& body,
                                  const std::vector<std::string>& headers) {
    std::string text = "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    for (const auto& header : headers) text += header + "\r\n";
    return {text + "\r\n" + body};
}

ScriptedHttp::ScriptedHttp(Handler handler)
    : handler_(std::move(handler)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, generic, length) != 0 || listen(listener_, 64) != 0 ||
        getsockname(listener_, generic, &length) != 0) {
        throw std::runtime_error("no port for a scripted server");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedHttp::~ScriptedHttp() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        shutdown(listener_, SHUT_RDWR);
        for (const int connection : open_) shutdown(connection, SHUT_RDWR);
        changed_.notify_all();
    }
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
    close(listener_);
}

std::vector<ScriptedRequest> ScriptedHttp::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void ScriptedHttp::wait_for_stall() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stalls_ > 0; });
}

void ScriptedHttp::accept_all() {
    for (;;) {
        const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock(mutex_);
        if (connection < 0 || stopping_) {
            if (connection >= 0) close(connection);
            return;
        }
        ++connections_;
        open_.insert(connection);
        threads_.emplace_back([this, connection] {
            serve(connection);
            const std::lock_guard closing(mutex_);
            open_.erase(connection);
            close(connection);
        });
    }
}

void ScriptedHttp::serve(int connection) {
    std::string buffer;
    for (;;) {
        std::size_t end = 0;
        while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
            if (!receive_some(connection, buffer)) return;
        }
        ScriptedRequest request;
        const std::string head = buffer.substr(0, end + 2);
        const std::size_t first = head.find("\r\n");
        const std::string line = head.substr(0, first);
        const std::size_t target = line.find(' ') + 1;
        const std::string uri = line.substr(target, line.rfind(' ') - target);
        const std::size_t mark = std::min(uri.find('?'), uri.size());
        request.method = line.substr(0, target - 1);
        request.target = uri;
        request.path = plain(uri.substr(0, mark));
        request.query = parse_query(uri.substr(std::min(mark + 1, uri.size())));
        for (std::size_t at = first + 2; at < head.size();) {
            const std::size_t stop = head.find("\r\n", at);
            const std::size_t colon = head.find(':', at);
            const std::size_t value = std::min(head.find_first_not_of(' ', colon + 1), stop);
            request.headers[lower(head.substr(at, colon - at))] = head.substr(value, stop - value);
            at = stop + 2;
        }
        buffer.erase(0, end + 4);
        const auto length = request.headers.find("content-length");
        const std::size_t size = length == request.headers.end() ? 0 : std::stoul(length->second);
        while (buffer.size() < size) {
            if (!receive_some(connection, buffer)) return;
        }
        request.body = buffer.substr(0, size);
        buffer.erase(0, size);
        if (!answer(connection, request)) return;
    }
}

// False: the connection ends.
bool ScriptedHttp::answer(int connection, const ScriptedRequest& request) {
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
    }
    ScriptedReply reply = handler_(request);
    if (reply.end == ScriptedReply::End::stall) {
        {
            const std::lock_guard lock(mutex_);
            ++stalls_;
            changed_.notify_all();
        }
        std::string ignored;
        while (receive_some(connection, ignored)) ignored.clear();
        return false;
    }
    if (reply.end == ScriptedReply::End::reset) {
        reset(connection);
        return false;
    }
    if (request.method == "HEAD") reply.text.resize(reply.text.find("\r\n\r\n") + 4);
    return send_all(connection, reply.text) && reply.end == ScriptedReply::End::keep;
}

}  // namespace pgbosun::test
