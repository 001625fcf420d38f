#pragma once
// A socket that is listened on.

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>

#include "http/access.hpp"
#include "http/api.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::http {

class Listener {
public:
    // "host:port" with a numeric host, "localhost", "*" or none; "[::1]:8008" for IPv6.
    static Result<std::shared_ptr<Listener>> tcp(boost::asio::io_context& io, const std::string& address,
                                                 Entrance entrance);
    // Mode 0600 before anybody can connect. A file left over by a process that is gone is replaced; conflict when
    // somebody still listens there.
    static Result<std::shared_ptr<Listener>> unix_socket(boost::asio::io_context& io, const std::string& path);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // Stops accepting; removes the Unix socket's file unless it has become somebody else's.
    void close();
    [[nodiscard]] Entrance entrance() const { return entrance_; }
    [[nodiscard]] bool is_unix() const { return !path_.empty(); }
    [[nodiscard]] std::uint16_t port() const { return port_; }

    using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;
    Acceptor& acceptor() { return acceptor_; }

private:
    Listener(Acceptor acceptor, Entrance entrance) : acceptor_(std::move(acceptor)), entrance_(entrance) {}

    Acceptor acceptor_;
    Entrance entrance_;
    std::uint16_t port_ = 0;
    std::string path_;
    dev_t device_ = 0;  // which file `path_` was when it was ours
    ino_t inode_ = 0;
};

}  // namespace pgbosun::http
