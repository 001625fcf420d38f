#include "object_store/http_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cstdio>
#include <new>
#include <tuple>

namespace pgbosun::object_store {
namespace {

constexpr std::size_t header_limit = 64;        // of one answer
constexpr std::size_t header_bytes = 8 * 1024;  // of one header
constexpr int poll_ms = 250;                    // the longest time in which a stall is not looked for

struct ReleaseEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ReleaseMulti {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ReleaseList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ReleaseList>;

long milliseconds(Duration duration) {
    return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

HeaderList header_list(const std::vector<std::string>& headers) {
    HeaderList list;
    for (const auto& header : headers) {
        curl_slist* longer = curl_slist_append(list.get(), header.c_str());
        if (longer == nullptr) throw std::bad_alloc();
        std::ignore = list.release();
        list.reset(longer);
    }
    return list;
}

bool is_of_certificates(CURLcode code) {
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR;
}

}  // namespace

// What curl calls back while one exchange is under way.
struct HttpClient::Connection {
    std::unique_ptr<CURLM, ReleaseMulti> multi;  // first: keeps the connection; destroyed after the handle
    std::unique_ptr<CURL, ReleaseEasy> easy;
    char error[CURL_ERROR_SIZE] = "";
    const Sink* sink = nullptr;
    std::size_t body_limit = 0;
    HttpAnswer answer;
    std::optional<Fault> own_fault;  // of the sink or of a limit
    std::uint64_t received = 0;
    curl_off_t moved = 0;  // bytes in both directions
    std::chrono::steady_clock::time_point moved_at;
    CURLcode code = CURLE_OK;

    static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
        return static_cast<Connection*>(self)->take_body({data, size}) ? size : 0;
    }
    static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
        return static_cast<Connection*>(self)->take_header({data, size}) ? size : 0;
    }
    static int on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
        auto& connection = *static_cast<Connection*>(self);
        if (down + up == connection.moved) return 0;
        connection.moved = down + up;
        connection.moved_at = std::chrono::steady_clock::now();
        return 0;
    }

    bool take_body(std::span<const char> part) {
        received += part.size();
        long status = 0;
        curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
        if (sink != nullptr && *sink && status == 200) {
            if (auto taken = (*sink)(std::as_bytes(part)); !taken) own_fault = std::move(taken).error();
            moved_at = std::chrono::steady_clock::now();  // what the sink took is no stall of the store
        } else if (answer.body.size() + part.size() > body_limit) {
            own_fault = Fault{FaultKind::corrupt, "the store's answer is larger than it may be", ""};
        } else {
            answer.body.append(part.data(), part.size());
        }
        return !own_fault;
    }

    bool take_header(std::string_view line) {
        if (line.starts_with("HTTP/")) answer.headers.clear();
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return true;
        if (answer.headers.size() == header_limit || line.size() > header_bytes) {
            own_fault = Fault{FaultKind::corrupt, "the store's answer has too many or too long headers", ""};
            return false;
        }
        std::string name(line.substr(0, colon));
        for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        const std::size_t first = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
        const std::size_t last = line.find_last_not_of(" \t\r\n");
        answer.headers[name] = last == std::string_view::npos || last < first
                                   ? std::string()
                                   : std::string(line.substr(first, last + 1 - first));
        return true;
    }

    // curl compares what it received with Content-Length by itself; here the answer that has none is found.
    [[nodiscard]] bool is_whole(const std::string& method) const {
        if (method == "HEAD" || answer.status == 204 || answer.status == 304) return true;
        const auto length = answer.headers.find("content-length");
        if (length != answer.headers.end()) return length->second == std::to_string(received);
        return (sink == nullptr || answer.status != 200) && answer.headers.contains("transfer-encoding");
    }

    void prepare(const HttpRequest& request, const HttpLimits& limits, const std::optional<std::string>& ca_file,
                 curl_slist* headers) {
        CURL* handle = easy.get();
        curl_easy_reset(handle);  // keeps connections and TLS sessions
        curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error);
        curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
        curl_easy_setopt(handle, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
        curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);  // the path is signed as it is
        curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(limits.connect));
        // A download has no size that is known before: it may last as long as bytes come (drive()). 0: no limit.
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, sink == nullptr ? milliseconds(limits.request) : 0L);
        curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 256L * 1024);
        curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
        if (request.proxy == Proxy::never) curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
        if (ca_file) curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file->c_str());
        if (request.method == "HEAD") curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
        if (request.method == "PUT" || request.method == "POST") {
            curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
            curl_easy_setopt(handle, CURLOPT_POSTFIELDS,
                             request.body.empty() ? "" : reinterpret_cast<const char*>(request.body.data()));
        }
        curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Connection::on_body);
        curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
        curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &Connection::on_header);
        curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
        curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &Connection::on_progress);
        curl_easy_setopt(handle, CURLOPT_XFERINFODATA, this);
    }

    void begin(const Sink& target, std::size_t limit) {
        sink = target ? &target : nullptr;
        body_limit = limit;
        answer = {};
        own_fault.reset();
        received = 0;
        moved = 0;
        moved_at = std::chrono::steady_clock::now();
        error[0] = '\0';
        code = CURLE_OK;
    }

    [[nodiscard]] HttpFailure failure() {
        using Again = HttpFailure::Again;
        if (own_fault) return {std::move(*own_fault), Again::no};
        const std::string what = error[0] != '\0' ? error : curl_easy_strerror(code);
        if (is_of_certificates(code)) {
            return {{FaultKind::refused, what,
                     "archive.endpoint_ca names the PEM file of the CA that signed the "
                     "store's certificate; its host name must match"},
                    Again::no};
        }
        const bool unreachable = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT;
        return {{FaultKind::unavailable, what, unreachable ? "check archive.endpoint_url and the network" : ""},
                Again::yes};
    }
};

// Gives the connection back however the exchange ends.
class HttpClient::Lease {
public:
    Lease(HttpClient& client, std::unique_ptr<Connection> connection)
        : client_(client), connection_(std::move(connection)) {}
    ~Lease() { client_.give_back(std::move(connection_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connection& operator*() const { return *connection_; }

private:
    HttpClient& client_;
    std::unique_ptr<Connection> connection_;
};

HttpClient::HttpClient(HttpLimits limits, std::optional<std::string> ca_file)
    : limits_(limits), ca_file_(std::move(ca_file)) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (initialised != CURLE_OK) throw std::bad_alloc();
}

HttpClient::~HttpClient() = default;

std::expected<HttpAnswer, HttpFailure> HttpClient::exchange(const HttpRequest& request, const Sink& sink) {
    auto taken = take();
    if (!taken) return std::unexpected(HttpFailure{std::move(taken).error(), HttpFailure::Again::no});
    const Lease lease(*this, *std::move(taken));
    Connection& connection = *lease;
    const HeaderList headers = header_list(request.headers);
    connection.begin(sink, limits_.body);
    connection.prepare(request, limits_, ca_file_, headers.get());
    drive(connection);
    if (cancelled_) {
        return std::unexpected(
            HttpFailure{{FaultKind::cancelled, "the store is being closed", ""}, HttpFailure::Again::no});
    }
    if (connection.code != CURLE_OK || connection.own_fault) return std::unexpected(connection.failure());
    long status = 0;
    curl_easy_getinfo(connection.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    connection.answer.status = static_cast<int>(status);
    if (!connection.is_whole(request.method)) {
        return std::unexpected(
            HttpFailure{{FaultKind::unavailable, "the answer's Content-Length is missing or wrong", ""}});
    }
    return std::move(connection.answer);
}

// curl's own low-speed limit counts in seconds and does not wake up for cancel(); hence the loop.
void HttpClient::drive(Connection& connection) {
    CURLM* multi = connection.multi.get();
    curl_multi_add_handle(multi, connection.easy.get());
    const int longest = std::clamp(static_cast<int>(milliseconds(limits_.stall) / 4), 1, poll_ms);
    for (int running = 1; !cancelled_;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) throw std::bad_alloc();
        if (running == 0) break;
        if (std::chrono::steady_clock::now() - connection.moved_at > limits_.stall) {
            connection.code = CURLE_OPERATION_TIMEDOUT;
            std::snprintf(connection.error, sizeof connection.error, "the store stopped sending and taking bytes");
            break;
        }
        curl_multi_poll(multi, nullptr, 0, longest, nullptr);
    }
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &queued)) {
        if (message->msg == CURLMSG_DONE) connection.code = message->data.result;
    }
    curl_multi_remove_handle(multi, connection.easy.get());
}

Result<std::unique_ptr<HttpClient::Connection>> HttpClient::take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return cancelled_ || busy_.size() < limits_.connections; });
    if (cancelled_) return fail(FaultKind::cancelled, "the store is being closed");
    std::unique_ptr<Connection> connection;
    if (!idle_.empty()) {
        connection = std::move(idle_.back());
        idle_.pop_back();
    } else {
        connection = std::make_unique<Connection>();
        connection->multi.reset(curl_multi_init());
        connection->easy.reset(curl_easy_init());
        if (!connection->multi || !connection->easy) throw std::bad_alloc();
        curl_multi_setopt(connection->multi.get(), CURLMOPT_MAXCONNECTS, 1L);
    }
    busy_.push_back(connection.get());
    return connection;
}

void HttpClient::give_back(std::unique_ptr<Connection> connection) {
    const std::lock_guard lock(mutex_);
    std::erase(busy_, connection.get());
    idle_.push_back(std::move(connection));
    changed_.notify_all();
}

Result<> HttpClient::pause(Duration duration) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, duration, [&] { return cancelled_.load(); });
    if (cancelled_) return fail(FaultKind::cancelled, "the store is being closed");
    return {};
}

void HttpClient::cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    for (Connection* connection : busy_) curl_multi_wakeup(connection->multi.get());
    changed_.notify_all();
}

}  // namespace pgbosun::object_store
