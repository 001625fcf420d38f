#pragma once
// An S3 in memory on a port of 127.0.0.1, which checks every signature, honours If-None-Match and, when told to,
// misbehaves as networks and stores do. One thread for each connection.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace pgbosun::test {

struct ScriptedRequest {
    std::string method;
    std::string path;  // decoded
    std::map<std::string, std::string> query;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
};

class ScriptedS3 {
public:
    // Each is played to one request.
    enum class Fault {
        busy,             // 503 SlowDown
        proxy_error,      // 502 with a page of HTML
        reset,            // the connection is reset before the request is carried out
        lost_answer,      // carried out, then reset
        stall,            // no answer until the client goes away
        short_body,       // Content-Length promises more than comes
        wrong_bytes,      // other bytes, of the right length
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

    static constexpr const char* access_key_id = "scripted";
    static constexpr const char* secret_access_key = "scripted-secret";

    ScriptedS3();
    ~ScriptedS3();
    ScriptedS3(const ScriptedS3&) = delete;
    ScriptedS3& operator=(const ScriptedS3&) = delete;

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] int port() const { return port_; }

    // Plays `fault` to the next request of `method` ("" any).
    void play(Fault fault, const std::string& method = "");
    void set_conditional(Conditional conditional);
    // Returns once a request stalls.
    void wait_for_stall();

    [[nodiscard]] std::map<std::string, Object> objects() const;  // by "bucket/key"
    void plant(const std::string& bucket_and_key, Object object);
    // "bucket/key" of the parted uploads that are neither completed nor aborted.
    [[nodiscard]] std::vector<std::string> unfinished() const;
    [[nodiscard]] std::vector<ScriptedRequest> requests() const;
    [[nodiscard]] int connections() const { return connections_; }

private:
    struct Script {
        Fault fault;
        std::string method;
    };

    void accept_all();
    void serve(int connection);
    bool answer(int connection, const ScriptedRequest& request);
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

    int listener_ = -1;
    int port_ = 0;
    std::atomic<int> connections_ = 0;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, Object> objects_;
    struct Upload {
        std::string name;
        std::map<std::string, std::string> metadata;
        std::map<int, std::string> parts;
    };
    std::map<std::string, Upload> uploads_;  // by identifier
    int last_upload_ = 0;
    std::vector<ScriptedRequest> requests_;
    std::deque<Script> scripts_;
    std::set<int> open_;
    int stalls_ = 0;
    bool stopping_ = false;
    Conditional conditional_ = Conditional::honoured;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace pgbosun::test
