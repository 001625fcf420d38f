#pragma once
// An HTTP server on a port of 127.0.0.1 that answers as a test tells it to, and breaks connections when told. One
// thread for each connection; the handler is called by them.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
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
    std::string target;  // path and query as they came
};

struct ScriptedReply {
    enum class End { keep, close, reset, stall };

    std::string text;  // the whole of it, head and body; to HEAD only the head is sent
    End end = End::keep;

    // "200 OK", with Content-Length. `headers` are whole lines without their end.
    static ScriptedReply with(const std::string& status, const std::string& body,
                              const std::vector<std::string>& headers = {});
};

class ScriptedHttp {
public:
    using Handler = std::function<ScriptedReply(const ScriptedRequest&)>;

    explicit ScriptedHttp(Handler handler);
    ~ScriptedHttp();
    ScriptedHttp(const ScriptedHttp&) = delete;
    ScriptedHttp& operator=(const ScriptedHttp&) = delete;

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] int connections() const { return connections_; }
    [[nodiscard]] std::vector<ScriptedRequest> requests() const;
    // Returns once a request stalls.
    void wait_for_stall();

private:
    void accept_all();
    void serve(int connection);
    bool answer(int connection, const ScriptedRequest& request);

    const Handler handler_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<int> connections_ = 0;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<ScriptedRequest> requests_;
    std::set<int> open_;
    int stalls_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace pgbosun::test
