// The S3 store against s3rver, an emulator from npm that checks signatures. PGBOSUN_S3RVER is the path of its program.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "contract/object_store/stores.hpp"
#include "support/s3_options.hpp"
#include "support/temporary_directory.hpp"

extern char** environ;

namespace pgbosun::test {
namespace {

constexpr int skipped = 77;  // meson's word for it

class S3rver {
public:
    explicit S3rver(std::string program) {
        // Its continuation tokens are made with DES, which OpenSSL 3 has in the legacy provider only.
        setenv("NODE_OPTIONS", "--openssl-legacy-provider", 1);
        int out[2];
        if (pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        posix_spawn_file_actions_adddup2(&actions, out[1], 2);
        std::vector<std::string> words{program, "--directory", place_.path(), "--address", "127.0.0.1", "--port", "0",
                                       "--silent", "--configure-bucket", "bucket"};
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        const int error = posix_spawnp(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        close(out[1]);
        if (error != 0) throw std::runtime_error("cannot run " + program);
        read_port(out[0]);
        out_ = out[0];
    }
    ~S3rver() {
        kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
        close(out_);
    }
    S3rver(const S3rver&) = delete;
    S3rver& operator=(const S3rver&) = delete;
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + port_; }

private:
    // "S3rver listening on 127.0.0.1:40123"
    void read_port(int from) {
        std::string said;
        char c = 0;
        while (read(from, &c, 1) == 1) {
            said += c;
            const std::size_t at = said.find("127.0.0.1:");
            if (c != '\n' || at == std::string::npos) continue;
            port_ = said.substr(at + 10, said.find_first_not_of("0123456789", at + 10) - at - 10);
            return;
        }
        throw std::runtime_error("s3rver did not start: " + said);
    }

    TemporaryDirectory place_;
    pid_t pid_ = -1;
    int out_ = -1;
    std::string port_;
};

}  // namespace

std::vector<StoreKind> store_kinds() {
    const char* program = std::getenv("PGBOSUN_S3RVER");
    if (program == nullptr) {
        std::puts("SKIPPED: PGBOSUN_S3RVER does not name the s3rver program (npm install s3rver)");
        std::fflush(stdout);
        std::_Exit(skipped);
    }
    return {{"S3, s3rver, HEAD first", [program] {
                 auto server = std::make_shared<S3rver>(program);
                 auto options = s3_options(server->url(), "S3RVER", "S3RVER");
                 return Subject{server, std::make_unique<object_store::S3ObjectStore>(std::move(options))};
             },
             Uploads::not_listed}};
}

}  // namespace pgbosun::test
