#include "archive/durable_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "pgbosun/descriptor.hpp"

namespace pgbosun::archive {
namespace {

std::unexpected<Fault> cannot(const std::string& what) {
    return fail(FaultKind::unavailable, "cannot " + what + ": " + std::strerror(errno));
}

}  // namespace

Result<> write_durably(const std::string& path, std::string_view text) {
    const std::string beside = path + ".new";
    {
        const Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!file) return cannot("create " + beside);
        while (!text.empty()) {
            const auto count = ::write(file.get(), text.data(), text.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return cannot("write " + beside);
            text.remove_prefix(static_cast<std::size_t>(count));
        }
        if (::fsync(file.get()) != 0) return cannot("sync " + beside);
    }
    if (::rename(beside.c_str(), path.c_str()) != 0) return cannot("rename " + beside);
    const std::string parent = path.substr(0, path.rfind('/') + 1);
    const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return cannot("sync " + parent);
    return {};
}

}  // namespace pgbosun::archive
