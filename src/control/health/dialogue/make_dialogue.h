// The dialogue of each type of question.
//
//   std::unique_ptr<Dialogue> talk = MakeDialogue(target);
//   MakeDialogue(target, Way::kTcp);   // DNS: what did not fit into a datagram
//
// Threads: any.
#pragma once

#include <memory>

#include "control/health/dialogue/dialogue.h"

namespace fairlead::control {

// What the bytes of a dialogue travel over.
enum class Way : uint8_t { kTcp, kUdp, kIcmp };

Way WayOf(const ProbeQuestion& question);

std::unique_ptr<Dialogue> MakeDialogue(const ProbeTarget& target, Way way);
inline std::unique_ptr<Dialogue> MakeDialogue(const ProbeTarget& target) {
  return MakeDialogue(target, WayOf(target.question));
}

// One function a file. `at` stands for a host that the question does not name.
std::unique_ptr<Dialogue> MakeTcpDialogue();
std::unique_ptr<Dialogue> MakeHttpDialogue(const HttpProbe& http, const Endpoint& at);
std::unique_ptr<Dialogue> MakeTextDialogue(const TextProbe& text);
std::unique_ptr<Dialogue> MakeSmtpDialogue(const SmtpProbe& smtp);
// `id`: of the question, by which its answer is known.
std::unique_ptr<Dialogue> MakeDnsDialogue(const DnsProbe& dns, Way way, uint16_t id);
std::unique_ptr<Dialogue> MakeUdpDialogue(const UdpProbe& udp);
// `token`: goes out and comes back.
std::unique_ptr<Dialogue> MakePingDialogue(Family family, uint64_t token);
std::unique_ptr<Dialogue> MakeMysqlDialogue(const MysqlProbe& mysql);
std::unique_ptr<Dialogue> MakeLdapDialogue(const LdapProbe& ldap);
std::unique_ptr<Dialogue> MakeRedisDialogue(const RedisProbe& redis);
std::unique_ptr<Dialogue> MakeAgentDialogue(const AgentProbe& agent);
std::unique_ptr<Dialogue> MakeGrpcDialogue(const GrpcProbe& grpc, const Endpoint& at, bool is_tls);

}  // namespace fairlead::control
