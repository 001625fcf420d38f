#pragma once
// The addresses of host names, for one loop. No asker waits longer than it wants to, or for the name of another; of each host
// at most one lookup is under way. The loop neither waits for one that nobody asks for any more, nor does its destructor.

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/name_memory.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::http {

class Names final : public boost::asio::execution_context::service {
public:
    static boost::asio::execution_context::id id;
    // Begins a lookup and returns. `answer` is called once, from any thread, perhaps when the loop is gone.
    using Lookup = std::function<void(std::string host, std::function<void(Looked)> answer)>;

    // For Asio; ask of().
    explicit Names(boost::asio::io_context& loop);
    ~Names() override;
    static Names& of(boost::asio::io_context& loop);

    // At least one address, as numbers. One that is a number already is what it is. unavailable: there is none, or not within
    // `most`.
    Task<Result<std::vector<std::string>>> find(std::string host, Duration most);
    // In place of the C library's.
    void use(Lookup lookup) { lookup_ = std::move(lookup); }

private:
    struct Door;  // through which answers of other threads come, while there is a loop

    void shutdown() override;
    void begin(const std::string& host);
    void take(const std::string& host, Looked looked);
    Task<> wait_until(NameMemory::Time moment);

    boost::asio::io_context& loop_;
    Lookup lookup_;
    NameMemory memory_;
    std::list<boost::asio::steady_timer*> waiting_;  // each is its coroutine's own
    std::shared_ptr<Door> door_;                     // shared with the lookups that are under way
};

}  // namespace pgbosun::http
