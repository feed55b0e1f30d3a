// The other end of the socket of ipvs, on bytes: requests as ipvsadm sends them, and what answers
// say.
//
//   Record request = NewService({.key = web, .scheduler = "rr"});
//   std::vector<Answered> answers = ReadAnswers(record);
//   answers[0].error, answers[0].service->scheduler
//
// Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "control/api/ipvs/replies.h"

namespace fairlead::testing {

// One message with whatever attributes a test wants. Sequence and port id are 7 and 4711.
class RequestBuilder {
 public:
  RequestBuilder(uint16_t type, uint8_t command, uint16_t flags);
  RequestBuilder& U8(uint16_t type, uint8_t value);
  RequestBuilder& U16(uint16_t type, uint16_t value);
  RequestBuilder& U32(uint16_t type, uint32_t value);
  RequestBuilder& Text(uint16_t type, const std::string& value);
  RequestBuilder& Bytes(uint16_t type, std::string_view value);
  RequestBuilder& Nest(uint16_t type);
  RequestBuilder& EndNest();
  [[nodiscard]] ipvs::Record Take();

 private:
  [[nodiscard]] nlmsghdr* message();

  ipvs::Record bytes_;
  std::vector<size_t> nests_;
};

inline constexpr uint32_t kSequence = 7, kPortId = 4711;

ipvs::ServiceKey ServiceAt(uint16_t protocol, std::string_view endpoint);
ipvs::ServiceKey ServiceOfMark(uint32_t mark, Family family = Family::kIpv4);

// A command without attributes: FLUSH, GET_INFO, GET_CONFIG, ZERO of everything. With dump: lists.
ipvs::Record Plain(uint8_t command, bool is_dump = false);
// NEW, SET, with all that ipvsadm says; its flags have the mask of every flag.
ipvs::Record OfService(uint8_t command, const ipvs::ServiceRequest& service);
// DEL_SERVICE, ZERO, GET_SERVICE, and with dump GET_DEST.
ipvs::Record OfService(uint8_t command, const ipvs::ServiceKey& key, bool is_dump = false);
// NEW, SET and DEL; DEL says no more than the address and the port.
ipvs::Record OfDest(uint8_t command, const ipvs::ServiceKey& service,
                    const ipvs::DestRequest& dest);
ipvs::Record SetTimeouts(const ipvs::TimeoutsRequest& timeouts);

// One message of an answer.
struct Answered {
  uint16_t type = 0, flags = 0;
  uint32_t sequence = 0, port_id = 0;
  uint8_t command = 0;
  std::optional<int> error{};  // of an NLMSG_ERROR; 0: done
  bool is_done = false;        // NLMSG_DONE
  std::optional<ipvs::ServiceEntry> service{};
  std::optional<ipvs::DestEntry> dest{};
  std::optional<ipvs::TimeoutsRequest> timeouts{};
  std::optional<ipvs::DaemonRequest> daemon{};
  std::string text{};  // of a file
};

std::vector<Answered> ReadAnswers(const ipvs::Record& record);

}  // namespace fairlead::testing
