#include "http/client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <algorithm>
#include <memory>
#include <tuple>
#include <vector>

#include "http/byte_stream.hpp"
#include "http/names.hpp"
#include "http/query.hpp"

namespace pgbosun::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using beast::error_code;

constexpr std::size_t max_answer_bytes = std::size_t{64} << 20U;
constexpr std::size_t max_head_bytes = 64 * 1024;

class AnswerParser final : public beast::http::basic_parser<false> {
public:
    explicit AnswerParser(const Sink& sink) : sink_(sink) {
        header_limit(max_head_bytes);
        body_limit(boost::none);
        eager(true);
    }
    Answered answered_;
    Flow flow_ = Flow::more;

private:
    void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, error_code&) override {}
    void on_response_impl(int code, beast::string_view, int, error_code&) override { answered_.status = code; }
    void on_field_impl(beast::http::field name, beast::string_view, beast::string_view value, error_code&) override {
        if (name == beast::http::field::content_type && !is_header_done())
            answered_.content_type.assign(value.data(), value.size());
    }
    void on_trailer_field_impl(beast::http::field, beast::string_view, beast::string_view, error_code&) {
    }  // Boost 1.90
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(beast::string_view body, error_code& error) override { return take(body, error); }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code& error) override {
        return take(body, error);
    }
    void on_finish_impl(error_code&) override {}

    std::size_t take(beast::string_view body, error_code& error) {
        if (sink_ && answered_.status == 200) {
            if (flow_ == Flow::more) flow_ = sink_({body.data(), body.size()});
        } else if (answered_.body.size() + body.size() > max_answer_bytes) {
            error = beast::http::error::body_limit;
        } else {
            answered_.body.append(body.data(), body.size());
        }
        return body.size();
    }

    const Sink& sink_;
};

struct Place {
    std::string path, host, port;
    TlsContext tls;
};

std::string head_of(const Question& question, const Place& place) {
    std::string head = question.method + " " + question.target + " HTTP/1.1\r\nHost: ";
    head.append(place.host.empty() ? "localhost" : place.host)
        .append("\r\nConnection: close\r\nUser-Agent: pgbosun\r\n");
    if (question.authorization) {
        head.append("Authorization: ").append(*question.authorization).append("\r\n");
    } else if (question.token) {
        head.append("Authorization: Bearer ").append(*question.token).append("\r\n");
    }
    if (question.last_event_id) head.append("Last-Event-ID: ").append(*question.last_event_id).append("\r\n");
    if (!question.body.empty()) head.append("Content-Type: ").append(question.content_type).append("\r\n");
    head.append("Content-Length: ").append(std::to_string(question.body.size())).append("\r\n\r\n");
    return head.append(question.body);
}

Fault socket_fault(const std::string& path, const error_code& error) {
    std::string what = "nobody answers at " + path + ": " + error.message();
    if (error == asio::error::access_denied) {
        what = path + " cannot be opened: " + error.message();
        return {FaultKind::unavailable, std::move(what),
                "run the command as the user that pgbosun runs as, or as root"};
    }
    return {FaultKind::unavailable, std::move(what),
            "is pgbosun running, and is this its run_dir? (--socket, PGBOSUN_SOCKET or --url)"};
}

bool is_one_line(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

// One question and its answer. `timer` is pushed on by each piece of the answer. Owned by run() and by the timer's
// handlers, which may be queued already when it is cancelled.
class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    Exchange(asio::io_context& io, Question question, Place place)
        : question_(std::move(question)), place_(std::move(place)), names_(Names::of(io)), timer_(io), socket_(io),
          parser_(question_.sink) {}

    Task<Result<Answered>> run() {
        const auto self = shared_from_this();
        start_timer();
        auto answered = co_await talk();
        timer_.cancel();
        if (timed_out_ && !nameless_) co_return fail(FaultKind::unavailable, "no answer from " + name() + " in time");
        co_return answered;
    }

private:
    [[nodiscard]] std::string name() const {
        return place_.path.empty() ? place_.host + ":" + place_.port : place_.path;
    }

    // Who speaks TLS answers a request in plain text with an alert, or not at all.
    [[nodiscard]] std::string https_hint() const {
        if (place_.tls || !place_.path.empty() || parser_.answered_.status != 0) return {};
        return "does it speak TLS? Then write the URL with https://";
    }

    void start_timer() {
        timer_.expires_after(question_.timeout);
        timer_.async_wait([self = shared_from_this()](const error_code& error) {
            if (!error) self->give_up();
        });
    }

    void give_up() {
        timed_out_ = true;
        error_code ignored;
        stream_ ? stream_->close() : void(socket_.close(ignored));
    }

    Task<Result<>> connect_local() {
        error_code error;
        if (place_.path.size() >= sizeof(sockaddr_un::sun_path)) error = asio::error::name_too_long;
        if (!error) {
            const asio::generic::stream_protocol::endpoint endpoint{
                asio::local::stream_protocol::endpoint(place_.path)};
            std::tie(error) = co_await socket_.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
        }
        if (!error) co_return Result<>{};
        co_return std::unexpected(socket_fault(place_.path, error));
    }

    Task<Result<>> connect_tcp() {
        std::string host = place_.host;
        const auto found = co_await names_.find(std::move(host), question_.timeout);
        nameless_ = !found;
        if (!found) {
            co_return fail(FaultKind::unavailable, "nobody answers at " + name() + ": " + found.error().what,
                           found.error().hint);
        }
        const auto port = static_cast<std::uint16_t>(parse_number(place_.port).value_or(0));
        error_code error = asio::error::host_not_found;
        for (const auto& address : *found) {
            if (timed_out_) break;
            error_code ignored;
            socket_.close(ignored);
            const asio::generic::stream_protocol::endpoint endpoint{
                asio::ip::tcp::endpoint(asio::ip::make_address(address), port)};
            std::tie(error) = co_await socket_.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
            if (!error) break;
        }
        error_code unused;  // not TCP after all: it is slower, and that is all
        if (!error) socket_.set_option(asio::ip::tcp::no_delay(true), unused);
        if (!error) co_return Result<>{};
        co_return fail(FaultKind::unavailable, "nobody answers at " + name() + ": " + error.message());
    }

    Task<Result<>> open() {
        Task<Result<>> connecting = place_.path.empty() ? connect_tcp() : connect_local();
        auto connected = co_await std::move(connecting);
        if (!connected) co_return std::unexpected(std::move(connected.error()));
        stream_ = place_.tls ? tls_client_stream(std::move(socket_), *place_.tls, place_.host)
                             : plain_stream(std::move(socket_));
        const auto error = co_await stream_->handshake();
        if (!error) co_return Result<>{};
        co_return fail(FaultKind::unavailable, "TLS with " + name() + ": " + *error,
                       "check the CA file and the host's name, and that TLS is spoken there");
    }

    Task<Result<Answered>> talk() {
        auto opened = co_await open();
        if (!opened) co_return std::unexpected(std::move(opened.error()));
        const std::string head = head_of(question_, place_);
        // An answer may be there although not all was taken: a refusal comes early.
        co_await stream_->write(head);
        auto read = co_await read_answer();
        if (!read) co_return std::unexpected(std::move(read.error()));
        co_return std::move(parser_.answered_);
    }

    Task<Result<>> read_answer() {
        std::vector<char> buffer(16 * 1024);
        std::size_t filled = 0;
        while (!parser_.is_done() && parser_.flow_ == Flow::more) {
            if (filled == buffer.size()) buffer.resize(buffer.size() * 2);
            const std::size_t count = co_await stream_->read_some(std::span(buffer).subspan(filled));
            error_code error;
            if (count == 0) {
                if (parser_.got_some()) parser_.put_eof(error);
                if (parser_.is_done() && !error) break;
                co_return fail(FaultKind::unavailable, name() + " broke off its answer", https_hint());
            }
            if (question_.sink) start_timer();
            filled += count;
            const std::size_t used = parser_.put(asio::buffer(buffer.data(), filled), error);
            std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(used),
                      buffer.begin() + static_cast<std::ptrdiff_t>(filled), buffer.begin());
            filled -= used;
            if (error && error != beast::http::error::need_more) {
                co_return fail(FaultKind::corrupt,
                               "the answer of " + name() + " is not as it should be: " + error.message(), https_hint());
            }
        }
        co_return Result<>{};
    }

    const Question question_;
    const Place place_;
    Names& names_;
    asio::steady_timer timer_;
    Socket socket_;
    std::unique_ptr<ByteStream> stream_;
    AnswerParser parser_;
    bool timed_out_ = false;
    bool nameless_ = false;  // no address was found
};

}  // namespace

Client Client::unix_socket(std::string path) {
    Client client;
    client.path_ = std::move(path);
    return client;
}

Result<Client> Client::url(std::string_view url, ClientTrust trust, std::string_view default_port) {
    return Client::url(url, std::make_shared<ClientTls>(std::move(trust)), default_port);
}

Result<Client> Client::url(std::string_view url, std::shared_ptr<ClientTls> tls, std::string_view default_port) {
    const auto refuse = [&] {
        return fail(FaultKind::refused, "\"" + std::string(url) + "\" is not a URL of pgbosun",
                    "write it as http://host:8008 or https://host:8008");
    };
    Client client;
    std::string_view rest = url;
    if (rest.starts_with("https://")) {
        client.tls_ = std::move(tls);
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
    } else {
        return refuse();
    }
    if (rest.ends_with('/')) rest.remove_suffix(1);
    const auto bracket = rest.starts_with('[') ? rest.find(']') : 0;
    if (bracket == std::string_view::npos) return refuse();
    const auto colon = rest.find(':', bracket);
    client.host_ = rest.substr(0, colon);
    client.port_ = colon == std::string_view::npos ? default_port : rest.substr(colon + 1);
    if (bracket != 0) client.host_ = client.host_.substr(1, bracket - 1);
    const auto port = parse_number(client.port_);
    if (client.host_.empty() || client.host_.find_first_of("/@ \r\n") != std::string::npos || !port || *port > 65535) {
        return refuse();
    }
    return client;
}

Result<TlsContext> Client::check(const Question& question) const {
    for (const std::string_view text : {std::string_view(question.target), std::string_view(question.content_type)}) {
        if (!is_one_line(text))
            return fail(FaultKind::refused, "a line break in what should be one line of the request");
    }
    for (const auto& text : {question.token, question.authorization, question.last_event_id}) {
        if (!is_one_line(text.value_or(""))) {
            return fail(FaultKind::refused, "a line break in what should be one line of the request");
        }
    }
    return tls_ ? tls_->context() : TlsContext{};
}

Task<Result<Answered>> Client::ask(asio::io_context& io, Question question) const {
    auto tls = check(question);
    if (!tls) co_return std::unexpected(std::move(tls.error()));
    Place place{path_, host_, port_, std::move(*tls)};
    const auto exchange = std::make_shared<Exchange>(io, std::move(question), std::move(place));
    co_return co_await exchange->run();
}

Result<Answered> Client::request(const Question& question) const {
    asio::io_context io(1);
    std::optional<Result<Answered>> result;
    asio::co_spawn(io, ask(io, question), [&](const std::exception_ptr& thrown, Result<Answered> answered) {
        if (thrown) std::rethrow_exception(thrown);
        result = std::move(answered);
    });
    while (!result && io.run_one() > 0) continue;
    return std::move(*result);
}

std::string Client::name() const { return path_.empty() ? host_ + ":" + port_ : path_; }

}  // namespace pgbosun::http
