#include "http/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "http/query.hpp"
#include "pgbosun/descriptor.hpp"

namespace pgbosun::http {
namespace {

// Any of the address types that the socket calls take.
struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
    [[nodiscard]] int family() const { return storage.ss_family; }
    [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

std::optional<Address> numeric_address(std::string host, std::uint16_t port) {
    if (host.empty() || host == "*") host = "0.0.0.0";
    if (host == "localhost") host = "127.0.0.1";
    Address address;
    sockaddr_in v4{};
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&address.storage, &v4, address.length = sizeof v4);
        return address;
    }
    if (host.size() < 2 || host.front() != '[' || host.back() != ']') return std::nullopt;
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) != 1) return std::nullopt;
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&address.storage, &v6, address.length = sizeof v6);
    return address;
}

std::optional<Address> listen_address(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    const auto port = parse_number(std::string_view(text).substr(colon + 1));
    if (!port || *port > 65535) return std::nullopt;
    return numeric_address(text.substr(0, colon), static_cast<std::uint16_t>(*port));
}

std::optional<Address> unix_address(const std::string& path) {
    sockaddr_un name{};
    if (path.empty() || path.size() >= sizeof name.sun_path) return std::nullopt;
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    Address address;
    std::memcpy(&address.storage, &name, sizeof name);
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return address;
}

std::unexpected<Fault> system_fault(const std::string& where, int number, std::string hint = {}) {
    const auto kind = number == EADDRINUSE ? FaultKind::conflict : FaultKind::refused;
    return fail(kind, "listening on " + where + ": " + std::generic_category().message(number), std::move(hint));
}

int open_socket(int family) { return ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

std::uint16_t bound_port(int socket) {
    Address address;
    address.length = sizeof address.storage;
    if (::getsockname(socket, address.raw(), &address.length) != 0) return 0;
    // The port is at the same place in both families.
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

// A connection to it is refused: the process that made it is gone. Only ever a socket, never another file.
bool is_left_over(const std::string& path, const Address& address) {
    struct stat file{};
    if (::lstat(path.c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
    const Descriptor probe(open_socket(AF_UNIX));
    return probe && ::connect(probe.get(), address.raw(), address.length) != 0 && errno == ECONNREFUSED;
}

Result<> bind_unix(int socket, const std::string& path, const Address& address) {
    if (::bind(socket, address.raw(), address.length) == 0) return {};
    if (errno != EADDRINUSE) return system_fault(path, errno, "the directory must exist and be writable");
    if (!is_left_over(path, address)) {
        return system_fault(path, EADDRINUSE, "another pgbosun runs with the same run_dir: stop it or change run_dir");
    }
    if (::unlink(path.c_str()) != 0) return system_fault(path, errno, "remove the file by hand");
    if (::bind(socket, address.raw(), address.length) != 0) return system_fault(path, errno);
    return {};
}

}  // namespace

Result<std::shared_ptr<Listener>> Listener::tcp(boost::asio::io_context& io, const std::string& address,
                                                Entrance entrance) {
    const auto parsed = listen_address(address);
    if (!parsed) {
        return fail(FaultKind::refused, "\"" + address + "\" is not an address to listen on",
                    "write a numeric address and a port, such as 0.0.0.0:8008 or [::]:8008");
    }
    Descriptor socket(open_socket(parsed->family()));
    if (!socket) return system_fault(address, errno);
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), parsed->raw(), parsed->length) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) {
        return system_fault(address, errno, "choose another address or stop what uses this one");
    }
    const auto port = bound_port(socket.get());
    Acceptor acceptor(io);
    acceptor.assign({parsed->family(), 0}, socket.release());
    std::shared_ptr<Listener> listener(new Listener(std::move(acceptor), entrance));
    listener->port_ = port;
    return listener;
}

Result<std::shared_ptr<Listener>> Listener::unix_socket(boost::asio::io_context& io, const std::string& path) {
    const auto address = unix_address(path);
    if (!address) {
        return fail(FaultKind::refused,
                    "the path of the control socket, \"" + path + "\", is empty or longer than 107 bytes",
                    "choose a shorter run_dir");
    }
    Descriptor socket(open_socket(AF_UNIX));
    if (!socket) return system_fault(path, errno);
    if (auto bound = bind_unix(socket.get(), path, *address); !bound) return std::unexpected(bound.error());
    struct stat file{};
    // Nobody can connect between bind and listen.
    if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || ::lstat(path.c_str(), &file) != 0 ||
        ::listen(socket.get(), SOMAXCONN) != 0) {
        return system_fault(path, errno);
    }
    Acceptor acceptor(io);
    acceptor.assign({AF_UNIX, 0}, socket.release());
    std::shared_ptr<Listener> listener(new Listener(std::move(acceptor), Entrance::api));
    listener->path_ = path;
    listener->device_ = file.st_dev;
    listener->inode_ = file.st_ino;
    return listener;
}

Listener::~Listener() { close(); }

void Listener::close() {
    if (!acceptor_.is_open()) return;
    struct stat file{};
    if (is_unix() && ::lstat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_) {
        ::unlink(path_.c_str());
    }
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

}  // namespace pgbosun::http
