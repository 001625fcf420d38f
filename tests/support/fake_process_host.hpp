#pragma once
// Processes that a test ends and speaks for: each keeps the descriptors it was given, as a child would.

#include <fcntl.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pgbosun/process_host.hpp"

namespace pgbosun::test {

class FakeProcessHost final : public ProcessHost {
public:
    struct Child {
        Command command;
        std::vector<int> signals;
        std::map<int, int> descriptors;  // number in the child -> ours
        bool living = true;
    };

    // In the order of their start; a child stays when it has ended.
    std::vector<Child> children;
    // Asked before each start: a Fault is answered in its place.
    std::function<Result<>(const Command&)> refuse = [](const Command&) { return Result<>(); };

    ~FakeProcessHost() override {
        for (auto& child : children) close_all(child);
    }

    Result<ProcessId> spawn(Command command) override {
        if (auto refused = refuse(command); !refused) return std::unexpected(refused.error());
        Child child;
        for (const auto& [ours, number] : command.descriptors)
            child.descriptors[number] = ::fcntl(ours, F_DUPFD_CLOEXEC, 0);
        child.command = std::move(command);
        children.push_back(std::move(child));
        return ProcessId{static_cast<int>(children.size())};
    }
    Result<> signal(ProcessId process, int number) override {
        Child& child = children.at(static_cast<std::size_t>(process) - 1);
        if (!child.living) return fail(FaultKind::not_found, "it has ended");
        child.signals.push_back(number);
        return {};
    }
    std::size_t kill_strays(std::string_view) override { return 0; }
    [[nodiscard]] std::size_t orphans_reaped() const override { return 0; }

    // What the child writes to its standard output.
    void say(std::size_t index, const std::string& text) {
        [[maybe_unused]] const auto written =
            ::write(children.at(index).descriptors.at(STDOUT_FILENO), text.data(), text.size());
    }
    void close_output(std::size_t index) { close_all(children.at(index)); }
    void end(std::size_t index, ExitStatus status) {
        Child& child = children.at(index);
        child.living = false;
        close_all(child);
        // It may start another one, which moves this one in memory.
        const auto on_exit = child.command.on_exit;
        on_exit(status);
    }

private:
    static void close_all(Child& child) {
        for (const auto& [number, ours] : child.descriptors) ::close(ours);
        child.descriptors.clear();
    }
};

}  // namespace pgbosun::test
