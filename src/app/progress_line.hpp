#pragma once
// On a terminal one line that changes, elsewhere one line for each ten seconds.

#include <ostream>
#include <string>

#include "app/client_commands.hpp"

namespace pgbosun::app {

class ProgressLine {
public:
    static constexpr int polls_between_lines = 10;

    explicit ProgressLine(const Console& console) : console_(console) {}
    // Called once in each watch_interval.
    void show(const std::string& text) {
        if (console_.err_screen == Screen::terminal) {
            console_.err << "\r\x1b[K" << text << std::flush;
            drawn_ = true;
        } else if (polls_++ % polls_between_lines == 0) {
            console_.err << text << std::endl;
        }
    }
    void clear() {
        if (drawn_) console_.err << "\r\x1b[K" << std::flush;
    }

private:
    const Console& console_;
    int polls_ = 0;
    bool drawn_ = false;
};

}  // namespace pgbosun::app
