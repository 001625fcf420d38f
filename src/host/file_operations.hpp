#pragma once
// Blocking file operations as include/pgbosun/file_system.hpp promises them; run in the worker, never in PID 1.

#include <span>
#include <string>
#include <vector>

#include "pgbosun/file_system.hpp"

namespace pgbosun::host::file_operations {

Result<std::string> read(const std::string& path, std::size_t limit);
Result<std::string> read_part(const std::string& path, std::uint64_t offset, std::size_t size);
Result<> write_durably(const std::string& path, const std::string& content);
Result<> append_durably(const std::string& path, const std::string& content);
Result<> remove_durably(const std::string& path);
Result<std::size_t> rename_each_durably(const std::string& directory, std::span<const std::string> from_and_to);
Result<> rename_durably(const std::string& from, const std::string& to);
Result<> make_directory(const std::string& path);
Result<> remove_tree(const std::string& path);
Result<> change_mode(const std::string& path, std::uint32_t mode);
Result<> make_fifo(const std::string& path);
Result<std::vector<std::string>> list(const std::string& path, std::size_t limit);
Result<FileFacts> inspect(const std::string& path);
Result<VolumeFacts> volume(const std::string& path);

}  // namespace pgbosun::host::file_operations
