// A question of `fairlead explain` and its answer, as they travel between a worker and who asks.
//
//   ExplainAnswer answer;
//   answer.Add({.kind = ExplainKind::kBadSource});
//
// Threads: values.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/ids.h"
#include "base/ip_address.h"
#include "dataplane/tables/template_record.h"

namespace fairlead::dataplane {

struct ExplainQuestion {
  uint8_t protocol = 6;
  Endpoint client;  // port 0: any; the answer is for a new connection
  Endpoint destination;
  PortId input_port = {};             // none: the first outside port
  bool is_at_template_owner = false;  // second stage
  // Third stage: at the owner of the key of before a netmask change, which may know the real.
  bool is_at_previous_owner = false;
};

enum class ExplainKind : uint8_t {
  kExistingConnection,  // real, remaining, value: state
  kClassifierRule,      // value: rule index; mark
  kClassifierDrop,      // value: rule index
  kNoClassifierRule,
  kService,    // service; value: 0 mark, 1 exact, 2 FTP, 3 port 0
  kNoService,  // value: 1 for a VIP or port address, 2 for a mark's range, 3 for a VIP that is gone
  kWrongPort,  // the service takes no such packet: another port without persistence, or from port
               // 20
  kTemplateHit,  // real, remaining, timeout, value: children
  kTemplateMiss,
  kTemplateInvalid,  // real; value: TemplateFault
  kEligible,         // real, weight, active, inactive; value: Eligibility
  kScheduled,        // real
  kNobodyEligible,
  kNextHop,  // neighbour state in value, port
  kNoRoute,
  kClientGroup,      // group: the client belongs to it
  kClientNetmask,    // value: bits, mark: IPv4 netmask, weight: rule of `netmasks` or -1
  kSpread,           // value: which key of, weight: how many
  kEngine,           // its persistence engine looks into the packet: the answer is for a new call
  kServiceGroup,     // group: the service shares its clients with it
  kSibling,          // real: of another service of the group, which named the answer's real
  kNoSibling,        // real: the group's, which this service has not
  kPinned,           // the template was made by hand
  kRekeyed,          // real: the template under the netmask of before names it
  kBadSource,        // no packet has the client's address: it is no host's, or the director's own
  kLinkLocalClient,  // real: it could not answer the client, whose address is link-local
  kHashedNetwork,    // the scheduler hashes the client as; value: bits, mark: IPv4 netmask
};

enum class Eligibility : uint8_t { kEligible, kWeightZero, kOverloaded, kUnavailable };
enum class TemplateFault : uint8_t { kNoReal, kRealRemoved, kRealQuiescent, kExpired };

struct ExplainStep {
  ExplainKind kind = ExplainKind::kNoService;
  ServiceId service = {};
  RealId real = {};
  PortId port = {};
  uint32_t mark = 0;
  uint32_t value = 0;
  int32_t weight = 0;
  uint32_t active = 0, inactive = 0;
  TickCount remaining = 0, timeout = 0;
  GroupNumber group = {};
};

enum class ExplainVerdict : uint8_t {
  kForward,  // to `real`
  kRefused,  // RST or ICMP unreachable
  kDropped,
  kNotOurs,  // no service: routed or delivered to the host
};

struct ExplainAnswer {
  static constexpr size_t kMaxSteps = 96;
  std::array<ExplainStep, kMaxSteps> steps{};
  uint32_t step_count = 0;  // at most kMaxSteps; further eligibility rows are left out
  uint32_t steps_left_out = 0;
  ExplainVerdict verdict = ExplainVerdict::kNotOurs;
  RealId real;  // with kForward
  ServiceId service = {};
  WorkerId answered_by;
  WorkerId continue_at;               // who must be asked next: the template owner…
  bool continue_as_previous = false;  // …or the owner of the key before a netmask change

  void Add(const ExplainStep& step) noexcept {
    if (step_count < kMaxSteps) {
      steps[step_count++] = step;
    } else {
      ++steps_left_out;
    }
  }
};

}  // namespace fairlead::dataplane
