#pragma once
// The HTTP API of a controller: /livez, /readyz, /metrics, /v1/status, and POST /v1/switchover, failover, pause,
// resume, demote-cluster, promote-cluster.
// A controller that does not lead sends who commands to the one that does (307).

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/site.hpp"
#include "pgbosun/controller_control.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/metric.hpp"

namespace pgbosun::http {

class ControllerApi final : public Site {
public:
    // refused: a cluster cannot be followed by this conninfo, or it holds a password.
    using CheckSource = std::function<Result<>(std::string_view conninfo)>;

    // `control` outlives it.
    ControllerApi(ControllerControl& control, CheckSource check_source)
        : control_(control), check_source_(std::move(check_source)) {}

    std::optional<Work> answer(const Request& request, const Peer& peer, Entrance entrance,
                               const Credentials& credentials, Response& response) override;
    Task<> carry_out(Work work, Response& response) override;
    [[nodiscard]] bool is_check(const Request& request) const override;

private:
    void command(ControllerVerb verb, const Request& request, const Peer& peer, const Credentials& credentials,
                 Response& response);
    void look(std::string_view path, Response& response);

    ControllerControl& control_;
    const CheckSource check_source_;
};

std::string render_controller_status(const ControllerStatus& status);
// What the client commands show. corrupt: it is none.
Result<ControllerStatus> parse_controller_status(std::string_view text);
std::vector<MetricFamily> controller_metrics(const ControllerStatus& status);

// The body of a command: {"to": "pg-2", "lost": "pg-1"} or {"source": "host=..."}; empty: {}. refused: names the field.
struct ControllerWish {
    std::string to;
    std::string source;
    std::string lost{};
};
Result<ControllerWish> parse_wish(std::string_view body);
std::string render_wish(const ControllerWish& wish);

}  // namespace pgbosun::http
