#pragma once
// What a server serves: from requests to answers, apart from sockets.

#include <optional>
#include <variant>

#include "http/access.hpp"
#include "http/message.hpp"
#include "pgbosun/instance_control.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun::http {

// Which door a connection came through.
enum class Entrance { api, metrics_only };

// What a caller carries out, for it takes its time.
using Work = std::variant<ControlRequest, JobRequest, Assignment, PromiseRequest>;

class Site {
public:
    virtual ~Site() = default;

    // Fills in the response; or returns work, which the caller carries out.
    virtual std::optional<Work> answer(const Request& request, const Peer& peer, Entrance entrance,
                                       const Credentials& credentials, Response& response) = 0;
    virtual Task<> carry_out(Work work, Response& response) = 0;
    // A probe or a role check: answered also when there are too many connections, for whoever asks acts on the answer.
    [[nodiscard]] virtual bool is_check(const Request& request) const = 0;
};

}  // namespace pgbosun::http
