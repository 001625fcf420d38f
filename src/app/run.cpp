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
#include "app/encryption_key_check.hpp"
#include "app/exit_code.hpp"
#include "app/posix_outside.hpp"
#include "host/child_processes.hpp"
#include "host/identity.hpp"
#include "host/log_output.hpp"
#include "host/signals.hpp"
#include "host/volume_opening.hpp"
#include "pgbosun/log.hpp"
#include "postgres/parameters.hpp"

namespace pgbosun::app {
namespace {

constexpr std::chrono::seconds first_patience{1};  // with the volume, before anybody is answered

// What root made is run_as's.
Result<> give(const std::string& path, const std::optional<std::string>& owner) {
    if (!owner || ::geteuid() != 0) return {};
    const passwd* account = ::getpwnam(owner->c_str());
    if (account == nullptr) return {};  // become_user says it better
    if (::chown(path.c_str(), account->pw_uid, account->pw_gid) != 0) {
        return fail(FaultKind::refused, "cannot give " + path + " to " + *owner);
    }
    return {};
}

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
    return give(path, owner);
}

Result<host::OpenedVolume> open_volume(const Settings& settings, pid_t holder) {
    for (const std::string& path : {settings.volume, settings.state_directory()}) {
        if (auto made = make_directory(path, settings.run_as); !made) return std::unexpected(std::move(made.error()));
    }
    const std::string path = settings.state_directory() + "/lock";
    auto lock = host::VolumeLock::take(path, holder);
    if (!lock) return std::unexpected(std::move(lock.error()));
    if (auto given = give(path, settings.run_as); !given) return std::unexpected(std::move(given.error()));
    std::error_code error;
    const auto place = std::filesystem::weakly_canonical(settings.data_directory(), error);
    return host::OpenedVolume{std::move(*lock), error ? settings.data_directory() : place.string()};
}

// The archiver makes it too, but only what this user may make. Without it PostgreSQL runs, and the archiver tells.
void prepare_archive(const Settings& settings) {
    constexpr std::string_view scheme = "file://";
    if (!settings.archive || !settings.archive->destination.starts_with(scheme)) return;
    // A recovery waits for its archive to be mounted: an empty one in its place would end it too early.
    std::error_code ignored;
    if (std::filesystem::exists(settings.data_directory() + "/recovery.signal", ignored)) return;
    std::ignore = make_directory(settings.archive->destination.substr(scheme.size()), settings.run_as);
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
    auto read =
        load_settings(configuration_file(command.config, environment), environment, outside, object_to_parameter);
    check_encryption_keys(read, environment, outside);
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
    log::info("pgbosun " PGBOSUN_VERSION, {{"instance", settings.instance},
                                           {"cluster", settings.cluster},
                                           {"volume", settings.volume},
                                           {"pid_1", host::is_pid_1()}});
    if (const auto made = make_directory(settings.run_dir, settings.run_as); !made) {
        return refuse(made.error(), ExitCode::failed);
    }
    host::ChildProcesses processes(loop);
    host::VolumeOpening opening(loop, processes,
                                {[&settings, holder = ::getpid()] { return open_volume(settings, holder); },
                                 [&settings] { prepare_archive(settings); }});
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
    auto opened = opening.wait(first_patience);
    if (opened && !*opened) return refuse(opened->error(), ExitCode::failed);

    Agent agent(loop, signals, processes, opening, std::move(settings));
    if (opened) agent.take_volume(std::move(**opened));
    const int status = agent.run();
    host::log_output::flush(std::chrono::seconds(2));
    host::log_output::stop();
    return status;
}

}  // namespace pgbosun::app
