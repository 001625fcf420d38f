#pragma once
// Notices that files have changed, for a program that may wait for a disk: the controller. Mounted ConfigMaps and Secrets
// are replaced behind a link, so it is the content that is compared.

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>
#include <vector>

#include "pgbosun/time.hpp"

namespace pgbosun::app {

// Of all of them, one after the other; what cannot be read counts as empty.
std::size_t content_hash(const std::vector<std::string>& paths);

class FileWatch {
public:
    static constexpr Duration pace = std::chrono::seconds(10);

    struct Calls {
        std::function<void()> changed;
        // Whether a change is told only when the next look finds it too; none: never.
        std::function<bool()> is_patient;
    };

    // `before`: content_hash() of what is known. Ends when it is destroyed; the loop outlives it.
    FileWatch(boost::asio::io_context& loop, std::vector<std::string> paths, std::size_t before, Calls calls);

private:
    void look_later();
    void look();

    std::vector<std::string> paths_;
    Calls calls_;
    std::size_t told_, seen_;
    boost::asio::steady_timer timer_;
};

}  // namespace pgbosun::app
