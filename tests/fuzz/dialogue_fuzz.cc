// Any bytes as the answers of a server, to each type of check: a verdict has a sentence, comes in
// time, and is the same in whatever pieces the bytes come. The first byte chooses the check, the
// second the size of the pieces; of UDP and ICMP a piece is a datagram. Any bytes as a pattern,
// too.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "control/health/dialogue/make_dialogue.h"
#include "control/health/pattern.h"

namespace {

using namespace fairlead;
using namespace fairlead::control;
using Kind = TextCondition::Kind;
using Made = std::unique_ptr<Dialogue>;

void Require(bool claim) {
  if (!claim) std::abort();
}

constexpr int kStreams = 15, kDialogues = 19;

// The first kStreams are over TCP.
Made MakeOne(int choice) {
  const Endpoint at = *Endpoint::Parse("10.0.0.11:80");
  const TextCondition contains{Kind::kContains, "ready"},
      matches{Kind::kMatches, "^r[e-g]+ady\\b$"};
  const TextCondition hash{Kind::kSha256, std::string(64, 'a')};
  switch (choice) {
    case 0:
      return MakeHttpDialogue({}, at);
    case 1:
      return MakeHttpDialogue({.body = contains}, at);
    case 2:
      return MakeHttpDialogue({.body = matches}, at);
    case 3:
      return MakeHttpDialogue({.body = hash}, at);
    case 4:
      return MakeTextDialogue({{{.receive = contains}, {.receive = matches}}});
    case 5:
      return MakeSmtpDialogue({});
    case 6:
      return MakeDnsDialogue({.name = "a"}, Way::kTcp, 1);
    case 7:
      return MakeMysqlDialogue({});
    case 8:
      return MakeMysqlDialogue({.user = "probe", .password = "secret"});
    case 9:
      return MakeLdapDialogue({});
    case 10:
      return MakeLdapDialogue({.bind_dn = "cn=probe", .password = "secret"});
    case 11:
      return MakeRedisDialogue({});
    case 12:
      return MakeRedisDialogue({.password = "secret"});
    case 13:
      return MakeAgentDialogue({});
    case 14:
      return MakeGrpcDialogue({}, at, false);
    case 15:
      return MakeDnsDialogue({.name = "a"}, Way::kUdp, 1);
    case 16:
      return MakeUdpDialogue({.receive = matches});
    case 17:
      return MakePingDialogue(Family::kIpv4, 1);
    default:
      return MakePingDialogue(Family::kIpv6, 1);
  }
}

struct Outcome {
  Dialogue::State state;
  std::string sent;
};

Outcome Hear(const Made& talk, std::string_view answer, size_t piece_bytes) {
  talk->Begin();
  std::string sent = talk->TakeOutput();
  while (!answer.empty() && !talk->is_over()) {
    const std::string_view piece = answer.substr(0, piece_bytes);
    // A copy of its exact size: ASan sees a read behind it.
    const std::vector<char> bytes(piece.begin(), piece.end());
    talk->Feed({bytes.data(), bytes.size()});
    sent += talk->TakeOutput();
    answer.remove_prefix(piece.size());
  }
  talk->End();
  sent += talk->TakeOutput();
  Require(talk->is_over());
  Require(talk->state() == Dialogue::State::kAgainOverTcp || !talk->detail().empty());
  Require(talk->detail().size() < 400);
  const std::string before = talk->detail();
  talk->Feed("more"), talk->End(), talk->Silence();
  Require(talk->detail() == before && !talk->has_output());
  return {talk->state(), std::move(sent)};
}

void SearchBy(std::string_view pattern) {
  const Result<Pattern> compiled = Pattern::Compile(pattern);
  if (!compiled) return Require(!compiled.error().message.empty());
  Require(compiled->program().steps.size() <= Pattern::kMostSteps);
  PatternSearch whole(*compiled), slow(*compiled);
  whole.Feed(pattern), whole.End();
  for (const char c : pattern) slow.Feed({&c, 1});
  Require(slow.End() == whole.is_found());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view answer(reinterpret_cast<const char*>(data) + 2, size - 2);
  const int choice = data[0] % (kDialogues + 1);
  if (choice == kDialogues) {
    SearchBy(answer);
    return 0;
  }
  const size_t piece_bytes = std::max<size_t>(data[1], 1);
  const Outcome pieces = Hear(MakeOne(choice), answer, piece_bytes);
  if (choice >= kStreams) return 0;
  const Outcome whole = Hear(MakeOne(choice), answer, std::string_view::npos);
  Require(whole.state == pieces.state && whole.sent == pieces.sent);
  return 0;
}
