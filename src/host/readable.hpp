#pragma once
// Calls back on the control thread each time a descriptor can be read, until it is paused.

#include <functional>
#include <memory>

#include "pgbosun/descriptor.hpp"

namespace boost::asio {
class io_context;
}

namespace pgbosun::host {

class Readable {
public:
    // Begins paused. Makes the descriptor non-blocking: it must not be shared with another process that
    // expects it to block.
    Readable(boost::asio::io_context& loop, Descriptor descriptor, std::function<void()> on_readable);
    // May be destroyed within its own callback.
    ~Readable();
    Readable(const Readable&) = delete;
    Readable& operator=(const Readable&) = delete;

    // The callback reads what is there or part of it: it is called again while something is left.
    void resume();
    void pause();
    [[nodiscard]] int descriptor() const;

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the wait that is under way
};

}  // namespace pgbosun::host
