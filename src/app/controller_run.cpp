#include "app/controller_run.hpp"

#include <boost/asio/io_context.hpp>
#include <csignal>

#include "app/configuration.hpp"
#include "app/conninfo.hpp"
#include "app/controller_parts.hpp"
#include "app/file_watch.hpp"
#include "app/instance_search.hpp"
#include "app/posix_outside.hpp"
#include "app/yaml_document.hpp"
#include "controller/controller.hpp"
#include "host/boot_clock.hpp"
#include "host/identity.hpp"
#include "host/log_output.hpp"
#include "host/signals.hpp"
#include "http/controller_api.hpp"
#include "http/server.hpp"
#include "http/token_file.hpp"
#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"

namespace pgbosun::app {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_goodbye = 3s;

int refuse(const Fault& fault) {
    log::error(fault.what, {{"hint", fault.hint}});
    return static_cast<int>(ExitCode::wrong_usage);
}

log::Level level_of(const ControllerSettings& settings) {
    Settings for_level;
    for_level.log.level = settings.log.level;
    return log_level_of(for_level);
}

Task<> say_goodbye(controller::Controller& controller, boost::asio::io_context& loop) {
    co_await controller.end();
    loop.stop();
}

ReadControllerSettings read_settings(const std::string& file, const EnvironmentView& environment) {
    const auto text = PosixOutside().read(file, longest_document);
    if (text) {
        auto read = read_controller_settings(*text, file, environment);
        read.settings.text_hash = std::hash<std::string>{}(*text);
        return read;
    }
    ReadControllerSettings unread;
    unread.findings.push_back({Severity::error, file, 0, {}, text.error().what, text.error().hint});
    return unread;
}

std::vector<std::string> files_of(const HttpSettings& http) {
    std::vector<std::string> paths;
    for (const auto& path : {http.token_file, http.cert_file, http.key_file, http.client_ca}) {
        if (path) paths.push_back(*path);
    }
    return paths;
}

// Of a configuration with errors, or that names files that the server could not start with, nothing is taken.
std::optional<ControllerSettings> read_anew(const std::string& file, const EnvironmentView& environment) {
    auto read = read_settings(file, environment);
    for (const auto& finding : read.findings) log::error(to_text(finding));
    const auto files = read.usable() ? http::read_server_files(read.settings.http) : Result<http::ServerFiles>();
    if (!files) log::error(files.error().what, {{"hint", files.error().hint}});
    if (read.usable() && files) return std::move(read.settings);
    log::error("the configuration stays as it was");
    return std::nullopt;
}

void serve_with(http::Server& server, const HttpSettings& http) {
    log::info("token or certificates have changed");
    auto files = http::read_server_files(http);
    const auto taken = files ? server.reload(http, std::move(*files)) : Result<>(std::unexpected(files.error()));
    if (!taken) log::error("the server keeps what it had: " + taken.error().what, {{"hint", taken.error().hint}});
}

struct Served {
    int exit_code = static_cast<int>(ExitCode::done);
    std::optional<ControllerSettings> again;  // with what it is to go on; none: it ends
    bool began = false;
};

// Of a selector those that it finds; none: a signal has ended the search. refused: how Kubernetes is to be asked is not known.
Result<> know_instances(boost::asio::io_context& loop, host::Signals& signals, ControllerSettings& settings,
                        const EnvironmentView& environment) {
    if (!settings.selector || !settings.instances.empty()) return {};
    const auto client = kubernetes_client(loop, settings, environment.hostname, environment);
    if (!client) return std::unexpected(client.error());
    for (const int number : {SIGTERM, SIGINT}) signals.on(number, [&loop] { loop.stop(); });
    settings.instances = find_instances(loop, *client, *settings.selector);
    return {};
}

// The controller, once its parts are there.
Served serve(boost::asio::io_context& loop, host::Signals& signals, const ControllerSettings& settings,
             const std::string& file, const EnvironmentView& environment) {
    Served served;
    const host::BootClock clock;
    const auto port_text = settings.http.listen.substr(settings.http.listen.rfind(':') + 1);
    const auto port = static_cast<std::uint16_t>(std::stoi(port_text));
    const controller::Candidate candidate{advertised(settings, environment, port),
                                          environment.hostname + "-" + host::boot_id().substr(0, 8)};
    auto engine = engine_of(loop, clock, settings, candidate.text(), environment);
    if (!engine) return {refuse(engine.error()), {}};
    auto links = links_of(loop, settings);
    if (!links) return {refuse(links.error()), {}};
    controller::Controller controller(loop, clock, policy_of(settings), candidate,
                                      {engine->record.get(), engine->publication.get(), std::move(*links)});
    http::ControllerApi api(controller, check_conninfo);
    http::Server server(loop, api, settings.http);
    const std::size_t files_before = content_hash(files_of(settings.http));
    auto files = http::read_server_files(settings.http);
    if (!files) return {refuse(files.error()), {}};
    if (const auto listening = server.start(std::move(*files)); !listening) return {refuse(listening.error()), {}};
    boost::asio::steady_timer goodbye(loop);
    const auto resign = [&] {
        spawn(loop, say_goodbye(controller, loop));
        goodbye.expires_after(longest_goodbye);
        goodbye.async_wait([&loop](const boost::system::error_code& error) {
            if (!error) loop.stop();
        });
    };
    const auto end = [&] {
        log::info("a signal: the controller ends");
        served.again.reset();
        resign();
    };
    signals.on(SIGTERM, end);
    signals.on(SIGINT, end);
    // It begins anew, as after a restart: another leads meanwhile, and a primary that is well does not notice.
    const auto begin_anew = [&](const char* why) {
        log::info(why);
        auto fresh = read_anew(file, environment);
        if (!fresh) return;
        served.again = std::move(fresh);
        resign();
    };
    signals.on(SIGHUP, [&] { begin_anew("a signal: the configuration is read again"); });
    // Who leads looks twice: of two controllers with one ConfigMap the other has begun anew by then.
    const FileWatch configuration(loop, {file}, settings.text_hash,
                                  {[&] { begin_anew("the configuration has changed: it is read again"); },
                                   [&] { return controller.status().leads; }});
    const FileWatch secrets(loop, files_of(settings.http), files_before,
                            {[&] { serve_with(server, settings.http); }, {}});
    log::info("pgbosun-controller " PGBOSUN_VERSION, {{"cluster", settings.cluster},
                                                      {"controller", candidate.id},
                                                      {"url", candidate.url},
                                                      {"record", engine->record->describe()},
                                                      {"port", server.port()}});
    const auto take_more = [&](std::vector<InstanceAddress> all) {
        log::info("more instances are there: it begins anew with them");
        served.again = settings;
        served.again->instances = std::move(all);
        resign();
    };
    if (settings.selector) {
        spawn(loop, watch_instances(*engine->kubernetes, *settings.selector, settings.instances, take_more));
    }
    controller.begin();
    served.began = true;
    loop.run();
    server.stop();
    return served;
}

}  // namespace

int run_controller(const RunControllerCommand& command) {
    const EnvironmentView environment = process_environment();
    const auto file = configuration_file(command.config, environment).value_or(command.config);
    auto read = read_settings(file, environment);
    host::log_output::use(1, read.settings.log.format, level_of(read.settings));
    for (const auto& finding : read.findings) log::error(to_text(finding));
    if (!read.usable()) return static_cast<int>(ExitCode::wrong_usage);

    ControllerSettings settings = std::move(read.settings);
    std::optional<ControllerSettings> before;  // that it served with
    for (;;) {
        host::log_output::use(1, settings.log.format, level_of(settings));
        // The loop ends first of all that its coroutines refer to: what is left of them is destroyed with it.
        auto loop = std::make_unique<boost::asio::io_context>(1);
        host::Signals signals(*loop);
        const auto known = know_instances(*loop, signals, settings, environment);
        if (known && settings.instances.empty()) return static_cast<int>(ExitCode::done);
        Served served;
        if (known) {
            served = serve(*loop, signals, settings, file, environment);
        } else {
            served.exit_code = refuse(known.error());
        }
        if (served.again) {
            before = std::exchange(settings, std::move(*served.again));
        } else if (!served.began && before) {
            // A port that somebody has, say: it shows only when it is used. The text is tried again when it has changed.
            log::error("the configuration stays as it was");
            before->text_hash = settings.text_hash;
            settings = *std::exchange(before, std::nullopt);
        } else {
            return served.exit_code;
        }
    }
}

}  // namespace pgbosun::app
