// A question of `fairlead explain` and its answer, as they travel between a worker and who asks.
//
//   ExplainAnswer answer;
//   answer.Add(step::Scheduled{.real = id});
//   std::visit(Words{}, answer.steps[0]);             // no default: a new step must be handled
//   if (!answer.continue_at.is_none()) question = Continued(question, answer);
//
// Each step is a struct of its own. Its word, JSON members and sentence are in
// control/api/explain_*; docs/extending.md says how to add one. Threads: values.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <variant>

#include "base/clock.h"
#include "base/ids.h"
#include "base/ip_address.h"
#include "dataplane/tables/neighbour_table.h"
#include "dataplane/tables/template_record.h"
#include "dataplane/wire/packet.h"

namespace fairlead::dataplane {

enum class Eligibility : uint8_t { kEligible, kWeightZero, kOverloaded, kUnavailable };
enum class TemplateFault : uint8_t { kNoReal, kRealRemoved, kRealQuiescent, kExpired };
// How a service was found (ipvs.md, service lookup).
enum class FoundBy : uint8_t { kMark, kAddressAndPort, kFtpData, kAnyPort };
// Whose the destination is that no service is found for.
enum class Unserved : uint8_t {
  kOther,
  kOwn,        // a virtual or port address
  kMarkRange,  // of a network that the rules of a mark name
  kGone,       // virtual until its last service went
};

// Which policy decides about a TCP packet that is no SYN and belongs to no connection here.
enum class LaterBy : uint8_t {
  kUnknownReset,  // unknown_connections, by its words
  kUnknownDrop,
  kUnknownSchedule,
  kSloppyTcp,    // true: it may begin a connection as a SYN may
  kCacheBypass,  // true: it goes where it was sent
};

// The steps, in about the order in which the packet path takes them. Structs that are empty say all
// with their name.
namespace step {

struct ExistingConnection {
  RealId real = {};
  uint8_t state = 0;   // a TcpState
  bool moves = false;  // the real is down or removed: its next packet begins a new one
  TickCount remaining = 0;
};
// No packet has the client's address: it is no host's, or the director's own.
struct BadSource {};
struct ClassifierRule {
  uint32_t rule = 0;  // its index
  uint32_t mark = 0;
};
struct ClassifierDrop {
  uint32_t rule = 0;
};
struct NoClassifierRule {};
struct ServiceFound {
  ServiceId service = {};
  FoundBy found_by = FoundBy::kMark;
};
struct NoService {
  Unserved destination = Unserved::kOther;
};
// It leaves with another source.
struct SourceNat {
  uint32_t rule = 0;      // its index
  Endpoint local = {};    // port 0: not known before its own port is
  bool has_flow = false;  // it is on its way already
};
// It would, and no port is left.
struct SourceNatExhausted {
  uint32_t rule = 0;
};
// The packet is no connection's first, and there is no connection.
struct UnknownConnection {
  LaterBy decided_by = LaterBy::kUnknownReset;
};
// `drop_packet` is in force, and this would be the packet it takes.
struct DropPacket {
  ServiceId service = {};
};
// The service takes no such packet: another port without persistence, or from port 20.
struct WrongPort {
  ServiceId service = {};
};
// The service's engine finds nothing in packets of this protocol.
struct NoCallId {};
// Who counts as one client: a group…
struct ClientGroup {
  GroupNumber group = {};
};
// …or a network.
struct ClientNetmask {
  uint8_t prefix_length = 0;
  uint32_t mask = 0;  // IPv4, host order
  int32_t rule = -1;  // of `netmasks`; −1: the service's own netmask
};
struct Spread {
  uint32_t number = 0;  // which of the client's keys, from 0
  uint32_t of = 0;
};
// A persistence engine looks into the packet: the answer is for a new call.
struct Engine {};
// The service shares its clients with this group.
struct ServiceGroup {
  GroupNumber group = {};
};
struct TemplateHit {
  RealId real = {};
  uint32_t children = 0;
  TickCount remaining = 0, timeout = 0;
};
struct TemplateMiss {};
struct TemplateInvalid {
  RealId real = {};  // none: it names none
  TemplateFault fault = TemplateFault::kNoReal;
};
// `real` belongs to another service of the group, and named the answer's real.
struct Sibling {
  RealId real = {};
};
// `real` is the group's, which this service has not.
struct NoSibling {
  RealId real = {};
};
// The template was made by hand.
struct Pinned {
  RealId real = {};
};
// The template under the previous netmask names the real.
struct Rekeyed {
  RealId real = {};
};
// One real, before the scheduler.
struct Candidate {
  RealId real = {};
  Eligibility eligibility = Eligibility::kEligible;
  int32_t weight = 0;
  uint32_t active = 0, inactive = 0;
};
// What the scheduler hashes in place of the client's address.
struct HashedNetwork {
  uint8_t prefix_length = 0;
  uint32_t mask = 0;  // IPv4, host order
};
struct Scheduled {
  RealId real = {};
};
struct NobodyEligible {};
struct NextHop {
  PortId port = {};
  NeighbourState neighbour = NeighbourState::kUnknown;
};
struct NoRoute {};
// Answers come back through the director: by which port they leave for the client.
struct AnswersLeave {
  PortId port = {};
  NeighbourState neighbour = NeighbourState::kUnknown;
};
// The real server sees an endpoint of ours in place of the client's (FULLNAT).
struct Translated {
  Endpoint local = {};     // of a connection that exists; port 0: of a new one, which gets a port
  uint16_t addresses = 0;  // of one of so many addresses; 0: there are none, and it is dropped
};
// They come back here, and there is no route to the client.
struct NoWayBack {};
// `real` could not answer the client, whose address is link-local.
struct LinkLocalClient {
  RealId real = {};
};

}  // namespace step

using ExplainStep =
    std::variant<step::ExistingConnection, step::BadSource, step::ClassifierRule,
                 step::ClassifierDrop, step::NoClassifierRule, step::ServiceFound, step::NoService,
                 step::SourceNat, step::SourceNatExhausted, step::UnknownConnection,
                 step::DropPacket, step::WrongPort, step::NoCallId, step::ClientGroup,
                 step::ClientNetmask, step::Spread, step::Engine, step::ServiceGroup,
                 step::TemplateHit, step::TemplateMiss, step::TemplateInvalid, step::Sibling,
                 step::NoSibling, step::Pinned, step::Rekeyed, step::Candidate, step::HashedNetwork,
                 step::Scheduled, step::NobodyEligible, step::NextHop, step::NoRoute,
                 step::AnswersLeave, step::NoWayBack, step::LinkLocalClient, step::Translated>;
// So a step is never valueless, and std::visit never throws.
static_assert(std::is_trivially_copyable_v<ExplainStep>);

// Whom a question is put to. Each stage is that of a packet's hand-shake, so HandOff names it:
// kNone the connection's owner; kRequest the template's; kRekey the owner of the key under the
// previous netmask; kRekeyed the template's again, which is told what that one knows.
struct ExplainQuestion {
  uint8_t protocol = 6;
  Endpoint client;  // port 0: any; the answer is for a new connection, unless is_later
  Endpoint destination;
  PortId input_port = {};  // none: the first outside port
  bool is_later = false;   // TCP: of a connection that the client takes for established, no SYN
  HandOff stage = HandOff::kNone;
  ServiceId service = {};     // found at the first stage
  RealId previous_real = {};  // with kRekeyed; none: there is none
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
  uint32_t step_count = 0;  // at most kMaxSteps; further candidates are left out
  uint32_t steps_left_out = 0;
  ExplainVerdict verdict = ExplainVerdict::kNotOurs;
  bool is_reset = false;  // kRefused over TCP is a RST; else port unreachable
  RealId real;            // with kForward
  ServiceId service = {};
  WorkerId answered_by;
  WorkerId continue_at;  // who must be asked next; none: this is the answer
  HandOff continue_as = HandOff::kNone;
  RealId previous_real = {};  // with continue_as kRekeyed

  void Add(const ExplainStep& step) noexcept {
    if (step_count < kMaxSteps) {
      steps[step_count++] = step;
    } else {
      ++steps_left_out;
    }
  }
};

// The question for the worker that the answer names.
inline ExplainQuestion Continued(ExplainQuestion question, const ExplainAnswer& answer) noexcept {
  question.stage = answer.continue_as;
  question.service = answer.service;
  question.previous_real = answer.previous_real;
  return question;
}

}  // namespace fairlead::dataplane
