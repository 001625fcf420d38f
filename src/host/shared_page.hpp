#pragma once
// One value in memory that stays shared with the processes forked after it was made.

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <new>

#include "pgbosun/fault.hpp"

namespace pgbosun::host {

// What changes in T after a fork is a lock-free atomic: a process may die at any point of an access.
template <class T>
class SharedPage {
public:
    static Result<SharedPage> make() {
        void* memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            return fail(FaultKind::unavailable, std::string("no shared memory: ") + std::strerror(errno));
        }
        return SharedPage(new (memory) T());
    }

    T& operator*() const { return *value_; }
    T* operator->() const { return value_.get(); }

private:
    struct Unmap {
        void operator()(T* value) const { ::munmap(value, sizeof(T)); }
    };
    explicit SharedPage(T* value) : value_(value) {}
    std::unique_ptr<T, Unmap> value_;
};

}  // namespace pgbosun::host
