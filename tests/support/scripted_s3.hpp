#pragma once
// An S3 in memory on a port of 127.0.0.1, which checks every signature, honours If-None-Match and, when told to,
// misbehaves as networks and stores do.

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "support/scripted_http.hpp"

namespace pgbosun::test {

class ScriptedS3 {
public:
    // Each is played to one request.
    enum class Fault {
        busy,         // 503 SlowDown
        throttled,    // 429
        proxy_error,  // 502 with a page of HTML
        reset,        // the connection is reset before the request is carried out
        lost_answer,  // carried out, then reset
        stall,        // no answer until the client goes away
        short_body,   // Content-Length promises more than comes
        wrong_bytes,  // other bytes, of the right length
        expired_token,
        clock_skew,       // and the Date header tells a clock two hours ahead
        foreign_404,      // 404 of something that is no S3
        no_length,        // a body that ends with the connection
        endless_listing,  // IsTruncated, and nothing in it
        late_error,       // 200, and then an error document: of a completion
    };
    struct Object {
        std::string body;
        std::map<std::string, std::string> metadata;
    };
    enum class Conditional { honoured, ignored, not_implemented };
    // Google's XML interface takes no header of Amazon's, knows no removal of many keys, and keys or tokens.
    enum class Speaks { amazon, google_with_keys, google_with_tokens };

    static constexpr const char* access_key_id = "scripted";
    static constexpr const char* secret_access_key = "scripted-secret";
    static constexpr const char* bearer_token = "scripted-token";

    explicit ScriptedS3(Speaks speaks = Speaks::amazon) : speaks_(speaks) {}

    [[nodiscard]] std::string url() const { return server_.url(); }

    // Plays `fault` to the next request of `method` ("" any).
    void play(Fault fault, const std::string& method = "");
    void set_conditional(Conditional conditional);
    // Returns once a request stalls.
    void wait_for_stall() { server_.wait_for_stall(); }

    [[nodiscard]] std::map<std::string, Object> objects() const;  // by "bucket/key"
    void plant(const std::string& bucket_and_key, Object object);
    // "bucket/key" of the parted uploads that are neither completed nor aborted.
    [[nodiscard]] std::vector<std::string> unfinished() const;
    [[nodiscard]] std::vector<ScriptedRequest> requests() const { return server_.requests(); }
    [[nodiscard]] int connections() const { return server_.connections(); }

private:
    struct Script {
        Fault fault;
        std::string method;
    };

    ScriptedReply answer(const ScriptedRequest& request);
    [[nodiscard]] bool is_authorized(const ScriptedRequest& request) const;
    [[nodiscard]] bool is_kept(const std::string& header) const;  // with an object
    [[nodiscard]] std::string metadata_prefix() const {
        return speaks_ == Speaks::amazon ? "x-amz-meta-" : "x-goog-meta-";
    }
    std::string carry_out(const ScriptedRequest& request);
    std::string put(const ScriptedRequest& request, const std::string& name);
    std::string get(const ScriptedRequest& request, const std::string& name);
    std::string list(const ScriptedRequest& request, const std::string& bucket);
    std::string remove(const ScriptedRequest& request, const std::string& bucket);
    std::string begin_upload(const ScriptedRequest& request, const std::string& name);
    std::string put_part(const ScriptedRequest& request, const std::string& id);
    std::string complete(const ScriptedRequest& request, const std::string& id);
    std::string list_uploads(const ScriptedRequest& request, const std::string& bucket);
    std::optional<Fault> next_fault(const std::string& method);

    const Speaks speaks_;
    mutable std::mutex mutex_;
    std::map<std::string, Object> objects_;
    struct Upload {
        std::string name;
        std::map<std::string, std::string> metadata;
        std::map<int, std::string> parts;
    };
    std::map<std::string, Upload> uploads_;  // by identifier
    int last_upload_ = 0;
    std::deque<Script> scripts_;
    Conditional conditional_ = Conditional::honoured;
    ScriptedHttp server_{[this](const ScriptedRequest& request) { return answer(request); }};  // last: it calls us
};

}  // namespace pgbosun::test
