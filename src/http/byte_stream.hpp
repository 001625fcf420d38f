#pragma once
// One connection as a stream of bytes: TCP and Unix sockets are one kind, TLS over TCP the other, so that all that is
// built on them is compiled once.

#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pgbosun/task.hpp"

namespace boost::asio::ssl {
class context;
}

namespace pgbosun::http {

using Socket = boost::asio::generic::stream_protocol::socket;

// Nothing here has a deadline of its own: cancel() and close() end what is under way, with the value for failure.
class ByteStream {
public:
    virtual ~ByteStream() = default;

    // Before anything else. Plain streams are ready at once. The error as a person reads it.
    virtual Task<std::optional<std::string>> handshake() = 0;
    // 0: the other side has ended the stream, or it broke, or was cancelled.
    virtual Task<std::size_t> read_some(std::span<char> into) = 0;
    // All of it, or false.
    virtual Task<bool> write(std::string_view bytes) = 0;
    // Says to the other side that nothing more will be written.
    virtual Task<> end() = 0;
    // Subject of the other side's certificate, when there is one and it was verified.
    [[nodiscard]] virtual std::optional<std::string> certificate() const = 0;
    virtual Socket& socket() = 0;

    void cancel();
    void close();
};

std::unique_ptr<ByteStream> plain_stream(Socket socket);
std::unique_ptr<ByteStream> tls_server_stream(Socket socket, boost::asio::ssl::context& context);
// `host`: checked against the server's certificate.
std::unique_ptr<ByteStream> tls_client_stream(Socket socket, boost::asio::ssl::context& context,
                                              const std::string& host);

}  // namespace pgbosun::http
