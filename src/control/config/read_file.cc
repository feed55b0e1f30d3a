#include "control/config/read_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace fairlead::control {

Result<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const auto system_error = [] { return Error{ErrorCode::kSystem, std::strerror(errno), ""}; };
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (!file) return system_error();
  std::string text;
  constexpr size_t kChunk = 256 << 10;
  for (;;) {
    const size_t before = text.size();
    text.resize(before + kChunk);
    const size_t got = std::fread(text.data() + before, 1, kChunk, file.get());
    text.resize(before + got);
    if (std::ferror(file.get()) != 0) return system_error();  // a directory, for one
    if (text.size() > max_bytes) {
      return Error{ErrorCode::kInvalid,
                   "it is larger than " + std::to_string(max_bytes >> 20) + " MiB", ""};
    }
    if (got < kChunk) return text;
  }
}

}  // namespace fairlead::control
