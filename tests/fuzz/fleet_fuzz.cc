// Any bytes as what etcd answers, and as what a member of a fleet says: the first byte says which,
// nothing outside them is read, what is taken is bounded, and what is written of it reads the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/fleet/base64.h"
#include "control/fleet/etcd_messages.h"
#include "control/fleet/fleet_member.h"
#include "control/fleet/line_cutter.h"

namespace {

using namespace fairlead::control;

void Require(bool claim) {
  if (!claim) std::abort();
}

void ReadStream(std::string_view text) {
  LineCutter cutter(1024);
  for (size_t at = 0; at < text.size(); at += 7) {
    const bool is_short = cutter.Feed(text.substr(at, 7), [](std::string_view line) {
      Require(!line.empty() && line.size() <= 1024);
      const auto news = ReadWatchNews(line);
      if (!news) return Require(!news.error().message.empty());
      for (const WatchEvent& event : news->events) Require(!event.pair.key.empty());
    });
    if (!is_short) return;
  }
}

void ReadMember(std::string_view text) {
  const auto member = MemberFromJson("edge-1", text);
  if (!member) return;
  Require(member->refused.size() <= kMostRefusedBytes);
  const auto again = MemberFromJson("edge-1", MemberToJson(*member));
  if (again && !member->refused.empty()) Require(again->generation == member->generation);
}

void ReadBase64(std::string_view text) {
  const auto bytes = FromBase64(text);
  if (bytes) Require(ToBase64(*bytes) == text);
  Require(FromBase64(ToBase64(text)) == std::string(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case '0' % 7:
      if (const auto snapshot = ReadSnapshot(text, {"/f/common", "/f/directors/a"})) {
        Require(snapshot->pairs.size() == 2);
      }
      if (const auto pairs = ReadRange(text, "/f/members/")) {
        for (const EtcdPair& pair : *pairs) Require(pair.key.size() > 11);
      }
      break;
    case '1' % 7:
      ReadStream(text);
      break;
    case '2' % 7:
      if (const auto lease = ReadLease(text)) Require(!lease->empty());
      (void)ReadToken(text);
      break;
    case '3' % 7:
      (void)ReadTimeToLive(text);
      break;
    case '4' % 7:
      Require(!ReadRefusal(400, text, "fleet.yaml").sentence.empty());
      break;
    case '5' % 7:
      ReadMember(text);
      break;
    default:
      ReadBase64(text);
      break;
  }
  return 0;
}
