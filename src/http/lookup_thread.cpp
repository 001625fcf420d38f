#include "http/lookup_thread.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace pgbosun::http {
namespace {

constexpr std::size_t most_addresses = 16;

Looked ask_c_library(const std::string& host) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failure = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found);
    const int reason = errno;
    Looked looked;
    if (failure != 0) {
        const bool absent = failure == EAI_NONAME || failure == EAI_NODATA;
        looked.answer = absent ? Looked::Answer::absent : Looked::Answer::silent;
        looked.why = failure == EAI_SYSTEM  ? std::strerror(reason)
                     : failure == EAI_AGAIN ? std::string(unanswered)
                                            : ::gai_strerror(failure);
        return looked;
    }
    for (const addrinfo* it = found; it != nullptr && looked.addresses.size() < most_addresses; it = it->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        const int unwritten =
            ::getnameinfo(it->ai_addr, it->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
        if (unwritten == 0) looked.addresses.emplace_back(text.data());
    }
    ::freeaddrinfo(found);
    looked.answer = looked.addresses.empty() ? Looked::Answer::absent : Looked::Answer::found;
    if (looked.addresses.empty()) looked.why = "it has no address";
    return looked;
}

}  // namespace

LookupThread& LookupThread::of_process() {
    static LookupThread& thread = *new LookupThread(ask_c_library);
    return thread;
}

LookupThread::~LookupThread() {
    {
        const std::scoped_lock lock(mutex_);
        ending_ = true;
        waiting_.clear();
    }
    news_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void LookupThread::ask(std::string host, Answer answer) {
    {
        const std::scoped_lock lock(mutex_);
        if (waiting_.size() < most_waiting) {
            waiting_.push_back({std::move(host), std::exchange(answer, nullptr)});
            if (!thread_.joinable()) start();
        }
    }
    news_.notify_one();
    if (answer) answer({Looked::Answer::silent, {}, "too many names are being looked up"});
}

// Signals are for the thread that has asked.
void LookupThread::start() {
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void LookupThread::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        news_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        if (ending_) return;
        const Wanted wanted = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        wanted.answer(look_(wanted.host));
        lock.lock();
    }
}

}  // namespace pgbosun::http
