#include "base/toeplitz.h"

namespace fairlead {

Toeplitz::Toeplitz(const ToeplitzKey& key) {
  auto table = std::make_shared<Table>();
  for (size_t position = 0; position < kMaxInput; ++position) {
    // Bit b of input byte `position` selects the 32 key bits that start at 8·position + b.
    uint64_t window = 0;
    for (size_t i = 0; i < 5; ++i) {
      const size_t at = position + i;
      window = window << 8 | (at < key.size() ? key[at] : 0);
    }
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t sum = 0;
      for (unsigned bit = 0; bit < 8; ++bit) {
        if (byte & (0x80u >> bit)) sum ^= static_cast<uint32_t>(window >> (8 - bit));
      }
      (*table)[position][byte] = sum;
    }
  }
  table_ = std::move(table);
}

}  // namespace fairlead
