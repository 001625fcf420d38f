#pragma once
// One child process that carries out file operations, one after the other, for PID 1.

#include <memory>
#include <string>

#include "host/file_wire.hpp"
#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace boost::asio {
class io_context;
}

namespace pgbosun::host {

class ChildProcesses;

// The child's side: serves requests until the other end closes. Answers its exit status.
int serve_files(int channel);

class FileWorker {
public:
    // `limit`: how long a call may take, its wait behind others included. The child is forked at the first call and
    // is called `name`.
    FileWorker(boost::asio::io_context& loop, ChildProcesses& processes, Duration limit, std::string name);
    // Calls under way answer `cancelled`.
    ~FileWorker();
    FileWorker(const FileWorker&) = delete;
    FileWorker& operator=(const FileWorker&) = delete;

    // unavailable: no answer in time (the child is then killed and left to itself, and the next call has a new
    // one), too many calls waiting, or as many children hang as may.
    Task<Result<std::string>> call(FileRequest request);

private:
    struct Call;
    struct Connection;
    struct State;
    std::shared_ptr<State> state_;  // shared with the reads and writes under way
};

}  // namespace pgbosun::host
