#include "app/run.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>

#include "app/agent.hpp"
#include "app/configuration.hpp"
#include "app/exit_code.hpp"
#include "app/posix_outside.hpp"
#include "host/identity.hpp"
#include "host/log_output.hpp"
#include "host/signals.hpp"
#include "host/volume_lock.hpp"
#include "pgbosun/log.hpp"
#include "postgres/parameters.hpp"

namespace pgbosun::app {
namespace {

// Directories that must exist before anything can be locked or listened on.
Result<> make_directory(const std::string& path, const std::optional<std::string>& owner) {
    std::error_code error;
    const bool made = std::filesystem::create_directories(path, error);
    if (error) {
        return fail(FaultKind::refused, "cannot make " + path + ": " + error.message(),
                    "make it, or make the directory above it writable for this user");
    }
    if (!made) return {};
    ::chmod(path.c_str(), S_IRWXU);
    if (!owner || ::geteuid() != 0) return {};
    const passwd* account = ::getpwnam(owner->c_str());
    if (account == nullptr) return {};  // become_user says it better
    if (::chown(path.c_str(), account->pw_uid, account->pw_gid) != 0) {
        return fail(FaultKind::refused, "cannot give " + path + " to " + *owner);
    }
    return {};
}

Result<> prepare_directories(const Settings& settings) {
    for (const std::string& path : {settings.volume, settings.state_directory(), settings.run_dir}) {
        auto made = make_directory(path, settings.run_as);
        if (!made) return made;
    }
    return {};
}

// The archiver makes it too, but only what this user may make. Without it PostgreSQL runs, and the archiver tells.
void prepare_archive(const Settings& settings) {
    constexpr std::string_view scheme = "file://";
    if (!settings.archive || !settings.archive->destination.starts_with(scheme)) return;
    // A recovery waits for its archive to be mounted: an empty one in its place would end it too early.
    std::error_code ignored;
    if (std::filesystem::exists(settings.data_directory() + "/recovery.signal", ignored)) return;
    const auto made = make_directory(settings.archive->destination.substr(scheme.size()), settings.run_as);
    if (!made) log::warning(made.error().what, {{"hint", made.error().hint}});
}

int refuse(const Fault& fault, ExitCode code) {
    log::error(fault.what, {{"hint", fault.hint}});
    write_termination_message(fault.text());
    return static_cast<int>(code);
}

}  // namespace

std::optional<ParameterObjection> object_to_parameter(const std::string& name, const std::string& value) {
    const auto finding = postgres::check_parameter(name, value);
    if (!finding || finding->severity == postgres::Severity::warned) return std::nullopt;
    return ParameterObjection{finding->why, finding->hint};
}

void write_termination_message(const std::string& message) {
    const int file = ::open("/dev/termination-log", O_WRONLY | O_TRUNC | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return;
    std::ignore = ::write(file, message.data(), message.size());
    ::close(file);
}

std::string own_directory() { return std::filesystem::read_symlink("/proc/self/exe").parent_path().string(); }

int run(const RunCommand& command) {
    boost::asio::io_context loop(1);
    host::Signals signals(loop);
    ::umask(077);

    const EnvironmentView environment = process_environment();
    const PosixOutside outside;
    auto read = load_settings(configuration_file(command.config, environment), environment, outside, object_to_parameter);
    Settings& settings = read.settings;
    host::log_output::use(STDOUT_FILENO, settings.log.format, log_level_of(settings));
    for (const auto& finding : read.findings) {
        const auto level = finding.severity == Severity::error ? log::Level::error : log::Level::warning;
        log::write(level, to_text(finding));
    }
    if (!read.usable()) {
        write_termination_message("the configuration cannot be used: " + to_text(read.findings.front()));
        return static_cast<int>(ExitCode::wrong_usage);
    }
    // Said before the volume is touched: one that hangs shows as silence after this line.
    log::info("pgbosun " PGBOSUN_VERSION, {{"instance", settings.instance}, {"cluster", settings.cluster},
                                           {"volume", settings.volume}, {"pid_1", host::is_pid_1()}});
    if (const auto made = prepare_directories(settings); !made) return refuse(made.error(), ExitCode::failed);
    prepare_archive(settings);
    if (host::effective_user() == 0 && settings.run_as) {
        if (const auto became = host::become_user(*settings.run_as); !became) {
            return refuse(became.error(), ExitCode::wrong_usage);
        }
    }
    if (host::effective_user() == 0) {
        return refuse(Fault{FaultKind::refused, "PostgreSQL does not run as root",
                            "set run_as: postgres, or start pgbosun as an ordinary user"},
                      ExitCode::wrong_usage);
    }
    const auto lock = host::VolumeLock::take(settings.state_directory() + "/lock");
    if (!lock) return refuse(lock.error(), ExitCode::failed);

    Agent agent(loop, signals, std::move(settings));
    const int status = agent.run();
    host::log_output::flush(std::chrono::seconds(2));
    host::log_output::stop();
    return status;
}

}  // namespace pgbosun::app
