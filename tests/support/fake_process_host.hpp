#pragma once
// Processes that a test ends and speaks for: each keeps the descriptors it was given, as a child would.
// tests/contract/process_host holds it to what the real ones do.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <csignal>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
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
        std::string begun;               // of a line for on_line
        bool living = true;
    };

    // In the order of their start; a child stays when it has ended.
    std::vector<Child> children;
    // Programs that there are not.
    std::set<std::string> missing;
    std::set<std::string> late;  // as on a file system that hangs
    // Asked before each start: a Fault is answered in its place.
    std::function<Result<>(const Command&)> refuse = [](const Command&) { return Result<>(); };

    ~FakeProcessHost() override {
        for (auto& child : children) close_all(child);
    }

    Result<ProcessId> spawn(Command command) override {
        if (auto refused = refuse(command); !refused) return std::unexpected(refused.error());
        if (missing.contains(command.program)) {
            return fail(FaultKind::not_found, "starting " + command.program + ": No such file or directory");
        }
        if (late.contains(command.program) && command.on_late) command.on_late();
        Child child;
        for (const auto& [ours, number] : command.descriptors)
            child.descriptors[number] = ::fcntl(ours, F_DUPFD_CLOEXEC, 0);
        child.command = std::move(command);
        children.push_back(std::move(child));
        return ProcessId{static_cast<int>(children.size())};
    }
    Result<> signal(ProcessId process, int number) override {
        const auto place = static_cast<std::size_t>(process) - 1;
        if (place >= children.size() || !children[place].living) return fail(FaultKind::not_found, "it has ended");
        if (number != 0) children[place].signals.push_back(number);
        return {};
    }
    std::size_t kill_strays(std::string_view data_directory) override {
        std::size_t found = 0;
        for (auto& child : children) {
            if (!child.living || child.command.working_directory != data_directory) continue;
            if (!("/" + child.command.program).ends_with("/postgres")) continue;
            child.signals.push_back(SIGKILL);
            ++found;
        }
        return found;
    }
    [[nodiscard]] std::size_t orphans_reaped() const override { return 0; }

    // What the child writes to its standard output: a descriptor that it was given, else lines for on_line, else nothing.
    void say(std::size_t index, const std::string& text) {
        assert(children.at(index).living);
        if (children[index].descriptors.contains(STDOUT_FILENO)) return write_to(index, STDOUT_FILENO, text);
        if (!children[index].command.on_line) return;
        children[index].begun += text;
        deliver_lines(index);
    }
    void write_to(std::size_t index, int descriptor, const std::string& text) {
        [[maybe_unused]] const auto written =
            ::write(children.at(index).descriptors.at(descriptor), text.data(), text.size());
    }
    void close_output(std::size_t index) { close_all(children.at(index)); }
    // Once for each child; one that was killed cannot end in another way.
    void end(std::size_t index, ExitStatus status) {
        assert(children.at(index).living);
        assert(!was_killed(children[index]) || status == ExitStatus({ExitStatus::How::killed, SIGKILL}));
        children[index].living = false;
        close_all(children[index]);
        // What is called may start another one, which moves this one in memory.
        const auto rest = std::exchange(children[index].begun, {});
        if (const auto on_line = children[index].command.on_line; on_line && !rest.empty()) on_line(rest);
        const auto on_exit = children[index].command.on_exit;
        if (on_exit) on_exit(status);
    }
    // The kernel's turn: who was sent a signal ends by it, as if none handled any.
    void let_signals_end() {
        for (std::size_t index = 0; index < children.size(); ++index) {
            const Child& child = children[index];
            if (!child.living || child.signals.empty()) continue;
            end(index, {ExitStatus::How::killed, was_killed(child) ? SIGKILL : child.signals.front()});
        }
    }

private:
    static constexpr std::size_t longest_line = 64 * 1024;

    static bool was_killed(const Child& child) {
        return std::ranges::find(child.signals, SIGKILL) != child.signals.end();
    }
    void deliver_lines(std::size_t index) {
        const auto on_line = children[index].command.on_line;
        for (;;) {
            std::string& begun = children[index].begun;
            const auto feed = begun.find('\n');
            const auto length = std::min({feed, begun.size(), longest_line});
            if (feed == std::string::npos && length < longest_line) return;
            const std::string line = begun.substr(0, length);
            begun.erase(0, length == feed ? length + 1 : length);
            on_line(line);
        }
    }
    static void close_all(Child& child) {
        for (const auto& [number, ours] : child.descriptors) ::close(ours);
        child.descriptors.clear();
    }
};

}  // namespace pgbosun::test
