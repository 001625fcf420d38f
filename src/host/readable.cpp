#include "host/readable.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace pgbosun::host {

struct Readable::State : std::enable_shared_from_this<State> {
    State(boost::asio::io_context& loop, int descriptor, std::function<void()> callback)
        : stream(loop, descriptor), on_readable(std::move(callback)) {}

    void wait() {
        if (waiting || !wanted || !stream.is_open()) return;
        waiting = true;
        stream.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](boost::system::error_code error) {
                              self->waiting = false;
                              if (error || !self->wanted) return;
                              self->on_readable();
                              self->wait();
                          });
    }

    boost::asio::posix::stream_descriptor stream;
    std::function<void()> on_readable;
    bool wanted = false;
    bool waiting = false;
};

Readable::Readable(boost::asio::io_context& loop, Descriptor descriptor, std::function<void()> on_readable)
    : state_(std::make_shared<State>(loop, descriptor.release(), std::move(on_readable))) {
    state_->stream.native_non_blocking(true);
}

Readable::~Readable() {
    state_->wanted = false;
    boost::system::error_code ignored;
    state_->stream.close(ignored);
}

void Readable::resume() {
    state_->wanted = true;
    state_->wait();
}

void Readable::pause() { state_->wanted = false; }

int Readable::descriptor() const { return state_->stream.native_handle(); }

}  // namespace pgbosun::host
