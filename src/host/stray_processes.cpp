#include "host/stray_processes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "pgbosun/descriptor.hpp"

namespace pgbosun::host {
namespace {

// As the kernel fills it in (getdents64(2)).
struct DirectoryEntry {
    std::uint64_t inode;
    std::int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
};

pid_t pid_of(const char* name) {
    pid_t process = 0;
    const auto [end, error] = std::from_chars(name, name + std::strlen(name), process);
    return error == std::errc{} && *end == '\0' ? process : 0;
}

struct Search {
    std::string_view data_directory;
    std::size_t found = 0;
};

void kill_if_server(pid_t process, void* context) {
    auto& search = *static_cast<Search*>(context);
    if (!is_server_process(process, search.data_directory)) return;
    // The number may have been given to another process meanwhile: hold it, look again, then kill what is held.
    const Descriptor held(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
    if (!held || !is_server_process(process, search.data_directory)) return;
    if (::syscall(SYS_pidfd_send_signal, held.get(), SIGKILL, nullptr, 0) == 0) ++search.found;
}

}  // namespace

LinkTarget read_link(pid_t process, const char* name) {
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/%s", process, name);
    LinkTarget target;
    const ssize_t length = ::readlink(path.data(), target.text.data(), target.text.size());
    target.length = length > 0 ? static_cast<std::size_t>(length) : 0;
    constexpr std::string_view mark = " (deleted)";
    if (target.view().ends_with(mark)) target.length -= mark.size();
    return target;
}

bool is_server_process(pid_t process, std::string_view data_directory) {
    return !data_directory.empty() && read_link(process, "exe").view().ends_with("/postgres") &&
           read_link(process, "cwd").view() == data_directory;
}

ProcessFacts process_facts(pid_t process) {
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", process);
    const Descriptor file(::open(path.data(), O_RDONLY | O_CLOEXEC));
    std::array<char, 512> text{};
    if (!file || ::read(file.get(), text.data(), text.size() - 1) <= 0) return {};
    // The name in parentheses may hold anything, parentheses too: what follows the last one counts.
    const char* after = std::strrchr(text.data(), ')');
    char state = 'X';
    int parent = 0;
    if (after == nullptr || std::sscanf(after, ") %c %d", &state, &parent) != 2) return {};
    return {parent, state == 'Z' || state == 'X'};
}

void for_each_process(void (*visit)(pid_t process, void* context), void* context) {
    const Descriptor directory(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    alignas(DirectoryEntry) std::array<char, 16 * 1024> block;
    const pid_t self = ::getpid();
    while (directory) {
        const long filled = ::syscall(SYS_getdents64, directory.get(), block.data(), block.size());
        if (filled <= 0) return;
        for (long at = 0; at < filled;) {
            const auto* entry = reinterpret_cast<const DirectoryEntry*>(block.data() + at);
            at += entry->length;
            const pid_t process = pid_of(block.data() + (at - entry->length) + offsetof(DirectoryEntry, name));
            if (process > 0 && process != self) visit(process, context);
        }
    }
}

std::size_t kill_server_processes(std::string_view data_directory) {
    Search search{data_directory};
    for_each_process(kill_if_server, &search);
    return search.found;
}

}  // namespace pgbosun::host
