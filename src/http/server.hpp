#pragma once
// The HTTP API of one instance, on the control thread's io_context.

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "http/limits.hpp"
#include "http/tls.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/instance_control.hpp"
#include "pgbosun/journal.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::http {

struct ServerState;
class Listener;
class Site;

class Server {
public:
    // Control and journal are borrowed. They must live until the io_context has run dry after stop(), or is destroyed:
    // a command that was accepted is carried on to its end. When the server stops or the reader of an event stream
    // goes away, Journal::wait is cancelled (asio's terminal cancellation): it returns early or throws
    // operation_aborted.
    Server(boost::asio::io_context& io, InstanceControl& control, Journal& journal, const HttpSettings& http,
           const MetricsSettings& metrics, std::string control_socket, Limits limits = {});
    // Another site than an instance's: TCP only. The site outlives the server.
    Server(boost::asio::io_context& io, Site& site, const HttpSettings& http, Limits limits = {});
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Success: all sockets are listened on; a connection is answered as soon as the io_context runs. Failure: none is.
    Result<> start(ServerFiles files);
    // Closes all sockets at once; answers being written are cut off. The io_context then runs out of our work.
    void stop();

    // Takes token, certificate, key and CA anew, and moves to another address when it has changed. Call it at SIGHUP
    // and whenever one of these files changes: the server itself never looks at a file, because a disk that hangs
    // would hang every probe with it. Open connections stay as they are. Failure: all is as before.
    Result<> reload(const HttpSettings& http, ServerFiles files);

    [[nodiscard]] std::uint16_t port() const;
    // 0: no second port.
    [[nodiscard]] std::uint16_t metrics_port() const;
    [[nodiscard]] std::size_t connections() const;

private:
    Result<> move_to(const std::string& address);
    void accept_from(std::shared_ptr<Listener> listener);

    std::shared_ptr<ServerState> state_;
    boost::asio::io_context& io_;
    HttpSettings http_;
    MetricsSettings metrics_;
    std::string control_socket_;
    std::shared_ptr<Listener> tcp_, unix_, metrics_only_;
};

}  // namespace pgbosun::http
