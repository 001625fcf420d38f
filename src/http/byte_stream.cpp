#include "http/byte_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace pgbosun::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

template <class Stream>
Task<std::size_t> read_from(Stream& stream, std::span<char> into) {
    const auto buffer = asio::buffer(into.data(), into.size());
    const auto [error, count] = co_await stream.async_read_some(buffer, no_throw);
    co_return error ? 0 : count;
}

template <class Stream>
Task<bool> write_to(Stream& stream, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto buffer = asio::buffer(bytes);
        const auto [error, count] = co_await stream.async_write_some(buffer, no_throw);
        if (error) co_return false;
        bytes.remove_prefix(count);
    }
    co_return true;
}

class PlainStream final : public ByteStream {
public:
    explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}

    Task<std::optional<std::string>> handshake() override { co_return std::nullopt; }
    Task<std::size_t> read_some(std::span<char> into) override { return read_from(socket_, into); }
    Task<bool> write(std::string_view bytes) override { return write_to(socket_, bytes); }
    Task<> end() override {
        error_code ignored;  // the other side may be gone
        socket_.shutdown(Socket::shutdown_send, ignored);
        co_return;
    }
    [[nodiscard]] std::optional<std::string> certificate() const override { return std::nullopt; }
    Socket& socket() override { return socket_; }

private:
    Socket socket_;
};

class TlsStream final : public ByteStream {
public:
    TlsStream(Socket socket, asio::ssl::context& context, asio::ssl::stream_base::handshake_type side)
        : stream_(std::move(socket), context), side_(side) {}

    void expect_host(const std::string& host) {
        stream_.set_verify_mode(asio::ssl::verify_peer);
        stream_.set_verify_callback(asio::ssl::host_name_verification(host));
        // As SSL_set_tlsext_host_name, whose macro holds a cast of the old style.
        std::string name = host;
        SSL_ctrl(stream_.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    }

    Task<std::optional<std::string>> handshake() override {
        const auto [error] = co_await stream_.async_handshake(side_, no_throw);
        if (!error) co_return std::nullopt;
        co_return error.message();
    }
    Task<std::size_t> read_some(std::span<char> into) override { return read_from(stream_, into); }
    Task<bool> write(std::string_view bytes) override { return write_to(stream_, bytes); }
    // close_notify goes out; the other side's is not waited for.
    Task<> end() override {
        SSL_set_shutdown(stream_.native_handle(), SSL_RECEIVED_SHUTDOWN);
        co_await stream_.async_shutdown(no_throw);
        error_code also_ignored;
        stream_.next_layer().shutdown(Socket::shutdown_send, also_ignored);
    }
    [[nodiscard]] std::optional<std::string> certificate() const override {
        SSL* ssl = const_cast<asio::ssl::stream<Socket>&>(stream_).native_handle();
        const std::unique_ptr<X509, void (*)(X509*)> shown(SSL_get1_peer_certificate(ssl), X509_free);
        if (!shown || SSL_get_verify_result(ssl) != X509_V_OK) return std::nullopt;
        std::string subject(256, '\0');
        X509_NAME_oneline(X509_get_subject_name(shown.get()), subject.data(), static_cast<int>(subject.size()));
        subject.resize(subject.find('\0'));
        return subject;
    }
    Socket& socket() override { return stream_.next_layer(); }

private:
    asio::ssl::stream<Socket> stream_;
    asio::ssl::stream_base::handshake_type side_;
};

}  // namespace

void ByteStream::cancel() {
    error_code ignored;  // not open any more: nothing is under way
    socket().cancel(ignored);
}

void ByteStream::close() {
    error_code ignored;
    socket().close(ignored);
}

std::unique_ptr<ByteStream> plain_stream(Socket socket) { return std::make_unique<PlainStream>(std::move(socket)); }

std::unique_ptr<ByteStream> tls_server_stream(Socket socket, asio::ssl::context& context) {
    return std::make_unique<TlsStream>(std::move(socket), context, asio::ssl::stream_base::server);
}

std::unique_ptr<ByteStream> tls_client_stream(Socket socket, asio::ssl::context& context, const std::string& host) {
    auto stream = std::make_unique<TlsStream>(std::move(socket), context, asio::ssl::stream_base::client);
    stream->expect_host(host);
    return stream;
}

}  // namespace pgbosun::http
