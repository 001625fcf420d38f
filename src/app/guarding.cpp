#include "app/guarding.hpp"

#include <string>

#include "pgbosun/log.hpp"

namespace pgbosun::app {
namespace {

constexpr Duration standalone_grace = std::chrono::seconds(1);

}  // namespace

Guarding::Guarding(host::ChildProcesses& processes, const Settings& settings, const Clock& clock,
                   std::function<void()> on_loss)
    : processes_(processes), settings_(settings), clock_(clock), on_loss_(std::move(on_loss)) {}

void Guarding::begin(std::string data_directory) {
    data_directory_ = std::move(data_directory);
    replace();
}

void Guarding::expect() {
    expected_ = true;
    if (guard_) guard_->expect();
}

Result<> Guarding::watch(ProcessId postmaster) {
    watched_ = postmaster;
    if (!guard_) replace();
    if (!guard_) return fail(FaultKind::unavailable, "no guard could be started");
    return guard_->watch(postmaster);
}

void Guarding::unwatch() {
    watched_.reset();
    expected_ = false;
    if (guard_) guard_->unwatch();
}

void Guarding::renew() {
    if (!guard_) return;
    guard_->renew(settings_.mode == Mode::managed ? held_until_ : clock_.now() + settings_.lease.standalone_guard);
}

void Guarding::hold_until(std::optional<Instant> moment) {
    held_until_ = moment.value_or(Instant::max());
    renew();
}

void Guarding::replace() {
    auto started = host::Guard::start(processes_, data_directory_, [this] { lost(); });
    if (!started) {
        log::error("the guard cannot be started: " + started.error().what);
        return;
    }
    guard_ = std::move(*started);
    guard_->set_grace(settings_.mode == Mode::managed ? Duration::zero() : standalone_grace);
    if (expected_) guard_->expect();
    renew();
}

void Guarding::lost() {
    log::error("the guard has ended; another one is started");
    // Its destructor tells a guard that lives to kill what it watches; this one is dead already.
    guard_.reset();
    replace();
    const bool watching = !watched_ || (guard_ && guard_->watch(*watched_));
    if (!watching) on_loss_();
}

}  // namespace pgbosun::app
