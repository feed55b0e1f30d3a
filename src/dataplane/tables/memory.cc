#include "dataplane/tables/memory.h"

#include <linux/mman.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace fairlead::dataplane {
namespace {

void* Map(size_t bytes, int extra_flags) {
  // Without MAP_NORESERVE: what can never fit is refused here, at start-up, and not by the OOM
  // killer in the middle of a burst.
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | extra_flags,
                 -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

// A mapping that starts on a huge page: maps one page more and gives both ends back.
void* MapAligned(size_t bytes) {
  auto* start = static_cast<std::byte*>(Map(bytes + kHugePage, 0));
  if (start == nullptr) return nullptr;
  const auto address = reinterpret_cast<uintptr_t>(start);
  const size_t before = RoundUpTo(kHugePage, address) - address;
  if (before > 0) munmap(start, before);
  munmap(start + before + bytes, kHugePage - before);
  return start + before;
}

Error MapError(size_t bytes, std::string_view purpose, int error) {
  return {ErrorCode::kSystem,
          "cannot map " + std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB for " +
              std::string(purpose) + ": " + std::strerror(error) +
              "; lower director.connections, director.templates or director.side_records, or give "
              "the process more memory",
          ""};
}

Error NoHugePages(size_t bytes, std::string_view purpose) {
  return {ErrorCode::kUnavailable,
          std::string(purpose) + " needs " + std::to_string(bytes / kHugePage) +
              " free huge pages of 2 MiB beside those of the packets, and director.hugepages is on;"
              " raise vm.nr_hugepages, or say hugepages: auto",
          ""};
}

}  // namespace

MappedMemory& MappedMemory::operator=(MappedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(has_reserved_huge_pages_, other.has_reserved_huge_pages_);
  return *this;
}

MappedMemory::~MappedMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

Result<MappedMemory> MappedMemory::Create(size_t bytes, HugePages huge_pages,
                                          std::string_view purpose) {
  MappedMemory memory;
  if (bytes == 0) return memory;
  if (bytes > SIZE_MAX / 4) return MapError(bytes, purpose, ENOMEM);
  // A table smaller than a huge page would waste most of one.
  if (huge_pages == HugePages::kOff || bytes < kHugePage) {
    memory.size_ = RoundUpTo(kSmallPage, bytes);
    memory.data_ = Map(memory.size_, 0);
  } else {
    memory.size_ = RoundUpTo(kHugePage, bytes);
    if (huge_pages == HugePages::kAuto || huge_pages == HugePages::kReserved) {
      memory.data_ = Map(memory.size_, MAP_HUGETLB | MAP_HUGE_2MB);
      memory.has_reserved_huge_pages_ = memory.data_ != nullptr;
    }
    if (memory.data_ == nullptr && huge_pages == HugePages::kReserved) {
      memory.size_ = 0;
      return NoHugePages(RoundUpTo(kHugePage, bytes), purpose);
    }
    if (memory.data_ == nullptr) {
      memory.data_ = MapAligned(memory.size_);
      // Advice only: a kernel without transparent huge pages is slower, not wrong.
      if (memory.data_ != nullptr) madvise(memory.data_, memory.size_, MADV_HUGEPAGE);
    }
  }
  if (memory.data_ == nullptr) {
    const int error = errno;
    memory.size_ = 0;
    return MapError(bytes, purpose, error);
  }
  return memory;
}

}  // namespace fairlead::dataplane
