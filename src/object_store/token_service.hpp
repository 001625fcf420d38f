#pragma once
// Asks the services that hand out credentials: instance metadata, STS, Azure's and Google's token endpoints.
// They are near and quick, or not there: limits are short. Blocking; any thread.

#include <optional>
#include <string>
#include <vector>

#include "object_store/http_client.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::object_store {

struct TokenRequest {
    std::string method = "GET";
    std::string url;
    std::vector<std::string> headers;
    std::string body;
    Proxy proxy = Proxy::by_environment;  // never: what is link-local
};

class TokenService {
public:
    static constexpr Duration connect_limit = std::chrono::seconds(2);
    static constexpr Duration request_limit = std::chrono::seconds(10);
    static constexpr int attempts = 3;

    explicit TokenService(std::optional<std::string> ca_file = std::nullopt);

    // The body of a 200. unavailable: nobody answers, or it is broken for now. refused: it says no; its text,
    // which may hold what was sent, is not shown. `what` names the service: "the instance metadata service".
    Result<std::string> ask(const TokenRequest& request, const std::string& what);
    void cancel() { http_.cancel(); }

private:
    HttpClient http_;
};

}  // namespace pgbosun::object_store
