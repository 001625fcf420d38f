#include "support/real_postgres.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace pgbosun::test {
namespace {

constexpr int start_attempts = 3000;  // of 20 ms

const passwd& postgres_account() {
    static const passwd* account = getpwnam("postgres");
    if (account == nullptr) throw std::runtime_error("there is no user postgres: install Debian's package postgresql");
    return *account;
}

[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments, int output) {
    if (geteuid() == 0) {
        const passwd& account = postgres_account();
        if (setgroups(0, nullptr) != 0 || setgid(account.pw_gid) != 0 || setuid(account.pw_uid) != 0) _exit(126);
    }
    // After the change of user, which would clear it.
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    if (chdir("/") != 0) _exit(126);
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(program.c_str(), argv.data());
    _exit(127);
}

std::string status_line(const std::string& pid_file) {
    std::ifstream in(pid_file);
    std::string line;
    for (int i = 0; i < 8; ++i)
        if (!std::getline(in, line)) return {};
    return line;
}

}  // namespace

std::string make_postgres_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "pgbosun-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    if (geteuid() == 0 && chown(name.c_str(), postgres_account().pw_uid, postgres_account().pw_gid) != 0)
        throw std::runtime_error("chown failed");
    return name;
}

std::string RealPostgres::bin_dir() {
    if (const char* given = std::getenv("PGBOSUN_TEST_PG_BINDIR")) return given;
    for (const char* version : {"18", "17", "16", "15"}) {
        std::string directory = std::string("/usr/lib/postgresql/") + version + "/bin";
        if (std::filesystem::exists(directory + "/postgres")) return directory;
    }
    throw std::runtime_error("no PostgreSQL 15 to 18 below /usr/lib/postgresql; set PGBOSUN_TEST_PG_BINDIR");
}

int RealPostgres::major() {
    const std::string text = run("postgres", {"--version"});
    return std::atoi(text.substr(text.find_first_of("0123456789")).c_str());
}

std::string RealPostgres::run(const std::string& program, const std::vector<std::string>& arguments) {
    const std::string path = bin_dir() + "/" + program;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
    const pid_t child = fork();
    if (child == 0) become(path, arguments, ends[1]);
    close(ends[1]);
    std::string output;
    char buffer[4096];
    for (ssize_t got = read(ends[0], buffer, sizeof buffer); got > 0; got = read(ends[0], buffer, sizeof buffer))
        output.append(buffer, static_cast<std::size_t>(got));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) throw std::runtime_error(program + " failed: " + output);
    return output;
}

RealPostgres::RealPostgres(const Options& options) : directory_(make_postgres_directory()) {
    if (options.standby_of != nullptr) {
        run("pg_basebackup",
            {"-D", data_directory(), "-R", "-c", "fast", "--no-sync", "-d",
             "host=" + options.standby_of->socket_directory() + " user=postgres application_name=standby"});
    } else {
        std::vector<std::string> arguments{"-D",        data_directory(),  "-U",        "postgres", "-A", "trust",
                                           "--no-sync", "--encoding=UTF8", "--locale=C"};
        arguments.insert(arguments.end(), options.initdb_arguments.begin(), options.initdb_arguments.end());
        run("initdb", arguments);
    }
    std::ofstream configuration(data_directory() + "/postgresql.conf", std::ios::app);
    configuration << "listen_addresses = ''\nunix_socket_directories = '" << directory_ << "'\nfsync = off\n"
                  << options.configuration;
    configuration.close();
    start();
}

RealPostgres::~RealPostgres() {
    if (pid_ != 0) {
        kill(pid_, SIGCONT);
        kill(pid_, SIGQUIT);
        waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void RealPostgres::start() {
    const std::string log = directory_ + "/server.log";
    const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_ = fork();
    if (pid_ == 0) become(bin_dir() + "/postgres", {"-D", data_directory()}, output);
    close(output);
    for (int i = 0; i < start_attempts; ++i) {
        const std::string status = status_line(data_directory() + "/postmaster.pid");
        if (status.starts_with("ready") || status.starts_with("standby")) return;
        if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
            pid_ = 0;
            break;
        }
        poll(nullptr, 0, 20);
    }
    throw std::runtime_error("PostgreSQL did not start: " + read_file(log));
}

void RealPostgres::stop() {
    kill(pid_, SIGINT);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

void RealPostgres::signal(int number) { kill(pid_, number); }

}  // namespace pgbosun::test
