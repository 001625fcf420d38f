#include "http/request_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace pgbosun::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;

Method method_of(beast::http::verb verb) {
    switch (verb) {
        case beast::http::verb::get: return Method::get;
        case beast::http::verb::head: return Method::head;
        case beast::http::verb::options: return Method::options;
        case beast::http::verb::post: return Method::post;
        case beast::http::verb::put: return Method::put;
        case beast::http::verb::patch: return Method::patch;
        case beast::http::verb::delete_: return Method::delete_;
        default: return Method::other;
    }
}

Problem problem_of(const error_code& error, const Limits& limits) {
    namespace http = beast::http;
    if (error == http::error::header_limit) {
        const auto most = std::to_string(limits.head_bytes) + " bytes";
        return {431,
                "the request's head is longer than " + most,
                "send request line and fields of " + most + " at most",
                {}};
    }
    if (error == http::error::body_limit) {
        const auto most = std::to_string(limits.body_bytes) + " bytes";
        return {413, "the request's body is longer than " + most, "send " + most + " at most", {}};
    }
    if (error == http::error::bad_version)
        return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here", "ask with HTTP/1.1", {}};
    return {400,
            "not an HTTP request: " + error.message(),
            "send a request of HTTP/1.1, and over TLS only where the port has it",
            {}};
}

}  // namespace

class RequestReader::Parser final : public beast::http::basic_parser<true> {
public:
    explicit Parser(const Limits& limits) : limits_(limits) {
        header_limit(static_cast<std::uint32_t>(limits.head_bytes));
        body_limit(limits.body_bytes);
        eager(true);
    }

    Limits limits_;
    Request request_;
    Problem problem_;
    bool failed_ = false;
    bool expects_continue_ = false;

private:
    void on_request_impl(beast::http::verb method, beast::string_view, beast::string_view target, int version,
                         error_code&) override {
        request_.method = method_of(method);
        request_.target.assign(target.data(), target.size());
        request_.version = static_cast<unsigned>(version);
    }
    void on_response_impl(int, beast::string_view, int, error_code&) override {}
    void on_field_impl(beast::http::field name, beast::string_view spelt, beast::string_view value,
                       error_code& error) override {
        if (is_header_done()) return;  // Boost before 1.90 tells a trailer's fields so
        if (name == beast::http::field::authorization) {
            // Two of them could mean different things to different readers.
            if (!request_.authorization.empty()) error = beast::http::error::bad_field;
            request_.authorization.assign(value.data(), value.size());
        } else if (name == beast::http::field::expect) {
            expects_continue_ = beast::iequals(value, "100-continue");
        } else if (name == beast::http::field::unknown && beast::iequals(spelt, "Last-Event-ID")) {
            request_.last_event_id.assign(value.data(), value.size());
        }
    }
    void on_trailer_field_impl(beast::http::field, beast::string_view, beast::string_view, error_code&) {}
    void on_header_impl(error_code&) override {
        request_.connection = keep_alive() ? Connection::keep : Connection::close;
    }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(beast::string_view body, error_code&) override {
        request_.body.append(body.data(), body.size());
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code&) override {
        request_.body.append(body.data(), body.size());
        return body.size();
    }
    void on_finish_impl(error_code&) override {}
};

RequestReader::RequestReader(const Limits& limits) : parser_(std::make_unique<Parser>(limits)) {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

std::size_t RequestReader::feed(std::string_view bytes) {
    error_code error;
    const std::size_t used = parser_->put(boost::asio::buffer(bytes), error);
    if (error && error != beast::http::error::need_more) {
        parser_->failed_ = true;
        parser_->problem_ = problem_of(error, parser_->limits_);
    }
    return used;
}

RequestReader::State RequestReader::state() const {
    if (parser_->failed_) return State::failed;
    if (parser_->is_done()) return State::done;
    return parser_->is_header_done() ? State::body : State::head;
}

bool RequestReader::expects_continue() const { return parser_->expects_continue_; }
Request& RequestReader::request() { return parser_->request_; }
const Problem& RequestReader::problem() const { return parser_->problem_; }

}  // namespace pgbosun::http
