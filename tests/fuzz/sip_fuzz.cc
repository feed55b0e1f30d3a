// Any bytes as a SIP message: what is found lies inside the message, is a Call-ID, and is found
// again in a message made of it.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "dataplane/wire/sip.h"

namespace {

void Require(bool claim) {
  if (!claim) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A copy of its exact size: ASan sees a read behind it.
  const std::vector<char> bytes(data, data + size);
  const std::string_view message(bytes.data(), size);
  const std::string_view found = fairlead::dataplane::FindCallId(message);
  if (found.empty()) return 0;
  Require(found.size() <= fairlead::dataplane::kMaxCallId);
  Require(found.data() > message.data());
  const size_t end = static_cast<size_t>(found.data() - message.data()) + found.size();
  Require(end < size && (message[end] == '\r' || message[end] == '\n'));
  Require(found.find_first_of(" \t\r\n") == std::string_view::npos);
  const std::string again = "A\ni:" + std::string(found) + "\n";
  Require(fairlead::dataplane::FindCallId(again) == found);
  return 0;
}
