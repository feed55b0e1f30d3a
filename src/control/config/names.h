// The words the file, the API and the logs use for the model's enums, in both directions.
//
//   ToWord(SchedulerKind::kWlc);              // "wlc"
//   FromWord<SchedulerKind>("wlc");           // SchedulerKind::kWlc, or nullopt
//   WordList<SchedulerKind>();                // "rr, wrr, lc, wlc, sed, nq, sh or mh"
//
// Each enum is declared once, in kWords<E>; methods and transports where they are described.
// Threads: constants.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/config/model.h"

namespace fairlead::control {

template <typename E, size_t N>
using WordTable = std::array<std::pair<E, std::string_view>, N>;

template <typename E>
inline constexpr auto kWords = WordTable<E, 0>{};
template <>
inline constexpr WordTable<AutoOnOff, 3> kWords<AutoOnOff>{
    {{AutoOnOff::kAuto, "auto"}, {AutoOnOff::kOn, "on"}, {AutoOnOff::kOff, "off"}}};
template <>
inline constexpr WordTable<SyncRole, 3> kWords<SyncRole>{
    {{SyncRole::kBackup, "backup"}, {SyncRole::kMaster, "master"}, {SyncRole::kBoth, "both"}}};
template <>
inline constexpr WordTable<UnknownService, 2> kWords<UnknownService>{
    {{UnknownService::kRefuse, "refuse"}, {UnknownService::kAsKernel, "as-kernel"}}};
template <>
inline constexpr WordTable<IdlePolicy, 2> kWords<IdlePolicy>{
    {{IdlePolicy::kPoll, "poll"}, {IdlePolicy::kSleep, "sleep"}}};
template <>
inline constexpr WordTable<PortRole, 3> kWords<PortRole>{
    {{PortRole::kOutside, "outside"}, {PortRole::kInside, "inside"}, {PortRole::kBoth, "both"}}};
template <>
inline constexpr WordTable<ExceptionPath, 2> kWords<ExceptionPath>{
    {{ExceptionPath::kTap, "tap"}, {ExceptionPath::kNone, "none"}}};
template <>
inline constexpr WordTable<LacpRate, 2> kWords<LacpRate>{
    {{LacpRate::kSlow, "slow"}, {LacpRate::kFast, "fast"}}};

template <>
inline constexpr WordTable<BondMode, 3> kWords<BondMode>{
    {{BondMode::kActiveBackup, "active-backup"},
     {BondMode::kBalanceXor, "balance-xor"},
     {BondMode::k8023ad, "802.3ad"}}};
template <>
inline constexpr WordTable<KernelIngress, 3> kWords<KernelIngress>{
    {{KernelIngress::kAuto, "auto"},
     {KernelIngress::kClosed, "closed"},
     {KernelIngress::kOpen, "open"}}};
template <>
inline constexpr auto kWords<Protocol> = [] {
  WordTable<Protocol, kTransports.size() + 1> words{};
  for (size_t i = 0; i < kTransports.size(); ++i) {
    words[i] = {static_cast<Protocol>(kTransports[i]), TraitsOf(kTransports[i]).word};
  }
  words.back() = {Protocol::kAny, "any"};
  return words;
}();
template <>
inline constexpr WordTable<RuleAction, 2> kWords<RuleAction>{
    {{RuleAction::kMark, "mark"}, {RuleAction::kDrop, "drop"}}};
template <>
inline constexpr WordTable<SchedulerKind, sched::kAllKinds.size()> kWords<SchedulerKind>{{
#define FAIRLEAD_SCHEDULER_WORD(Name, text) {SchedulerKind::k##Name, text},
    FAIRLEAD_SCHEDULERS(FAIRLEAD_SCHEDULER_WORD)
#undef FAIRLEAD_SCHEDULER_WORD
}};
template <>
inline constexpr auto kWords<ForwardMethod> = [] {
  WordTable<ForwardMethod, kForwardMethods.size()> words{};
  for (size_t i = 0; i < words.size(); ++i) {
    words[i] = {kForwardMethods[i], TraitsOf(kForwardMethods[i]).word};
  }
  return words;
}();
template <>
inline constexpr auto kWords<TunnelType> = [] {
  WordTable<TunnelType, kTunnelTypes.size()> words{};
  for (size_t i = 0; i < words.size(); ++i) words[i] = {kTunnelTypes[i], ToWord(kTunnelTypes[i])};
  return words;
}();
template <>
inline constexpr auto kWords<TunnelChecksum> = [] {
  WordTable<TunnelChecksum, kTunnelChecksums.size()> words{};
  for (size_t i = 0; i < words.size(); ++i) {
    words[i] = {kTunnelChecksums[i], ToWord(kTunnelChecksums[i])};
  }
  return words;
}();
template <>
inline constexpr auto kWords<ClientAddress> = [] {
  WordTable<ClientAddress, kClientAddresses.size()> words{};
  for (size_t i = 0; i < words.size(); ++i) {
    words[i] = {kClientAddresses[i], ToWord(kClientAddresses[i])};
  }
  return words;
}();
template <>
inline constexpr WordTable<ApiRole, 2> kWords<ApiRole>{
    {{ApiRole::kRead, "read"}, {ApiRole::kAdmin, "admin"}}};
template <>
inline constexpr WordTable<Announce, 4> kWords<Announce>{
    {{Announce::kAlways, "always"},
     {Announce::kWhenReady, "when-ready"},
     {Announce::kFollowKernel, "follow-kernel"},
     {Announce::kNever, "never"}}};
template <>
inline constexpr WordTable<NoListener, 2> kWords<NoListener>{
    {{NoListener::kRst, "rst"}, {NoListener::kDrop, "drop"}}};
template <>
inline constexpr WordTable<UnknownConnections, 3> kWords<UnknownConnections>{
    {{UnknownConnections::kReset, "reset"},
     {UnknownConnections::kDrop, "drop"},
     {UnknownConnections::kSchedule, "schedule"}}};
template <>
inline constexpr WordTable<Engine, 2> kWords<Engine>{
    {{Engine::kNone, "none"}, {Engine::kSip, "sip"}}};
template <>
inline constexpr WordTable<DefenceMode, 3> kWords<DefenceMode>{
    {{DefenceMode::kOff, "off"}, {DefenceMode::kAuto, "auto"}, {DefenceMode::kAlways, "always"}}};
template <>
inline constexpr WordTable<HealthType, 13> kWords<HealthType>{{{HealthType::kTcp, "tcp"},
                                                               {HealthType::kHttp, "http"},
                                                               {HealthType::kHttps, "https"},
                                                               {HealthType::kScript, "script"},
                                                               {HealthType::kSmtp, "smtp"},
                                                               {HealthType::kDns, "dns"},
                                                               {HealthType::kUdp, "udp"},
                                                               {HealthType::kPing, "ping"},
                                                               {HealthType::kMysql, "mysql"},
                                                               {HealthType::kLdap, "ldap"},
                                                               {HealthType::kRedis, "redis"},
                                                               {HealthType::kAgent, "agent"},
                                                               {HealthType::kGrpc, "grpc"}}};
template <>
inline constexpr WordTable<MailTls, 3> kWords<MailTls>{
    {{MailTls::kNone, "none"}, {MailTls::kStarttls, "starttls"}, {MailTls::kImplicit, "implicit"}}};
template <>
inline constexpr WordTable<HttpMethod, 3> kWords<HttpMethod>{
    {{HttpMethod::kGet, "GET"}, {HttpMethod::kHead, "HEAD"}, {HttpMethod::kOptions, "OPTIONS"}}};
template <>
inline constexpr WordTable<DnsType, 9> kWords<DnsType>{{{DnsType::kA, "A"},
                                                        {DnsType::kAaaa, "AAAA"},
                                                        {DnsType::kNs, "NS"},
                                                        {DnsType::kCname, "CNAME"},
                                                        {DnsType::kSoa, "SOA"},
                                                        {DnsType::kPtr, "PTR"},
                                                        {DnsType::kMx, "MX"},
                                                        {DnsType::kTxt, "TXT"},
                                                        {DnsType::kSrv, "SRV"}}};
template <>
inline constexpr WordTable<TlsVersion, 4> kWords<TlsVersion>{{{TlsVersion::k10, "1.0"},
                                                              {TlsVersion::k11, "1.1"},
                                                              {TlsVersion::k12, "1.2"},
                                                              {TlsVersion::k13, "1.3"}}};
template <>
inline constexpr WordTable<InitialState, 2> kWords<InitialState>{
    {{InitialState::kUp, "up"}, {InitialState::kDown, "down"}}};
template <>
inline constexpr WordTable<OnFail, 3> kWords<OnFail>{
    {{OnFail::kDrain, "drain"}, {OnFail::kQuiesce, "quiesce"}, {OnFail::kRemove, "remove"}}};
template <>
inline constexpr WordTable<OnRemove, 4> kWords<OnRemove>{{{OnRemove::kDrain, "drain"},
                                                          {OnRemove::kHold, "hold"},
                                                          {OnRemove::kExpire, "expire"},
                                                          {OnRemove::kReset, "reset"}}};
template <>
inline constexpr WordTable<OnReload, 2> kWords<OnReload>{
    {{OnReload::kUndo, "undo"}, {OnReload::kKeep, "keep"}}};
template <>
inline constexpr WordTable<Renew, 6> kWords<Renew>{{{Renew::kLinux, "linux"},
                                                    {Renew::kLegacy120, "legacy120"},
                                                    {Renew::kFull, "full"},
                                                    {Renew::kStep, "step=DURATION"},
                                                    {Renew::kAfterLastClose, "after-last-close"},
                                                    {Renew::kFixed, "fixed"}}};
template <>
inline constexpr WordTable<AdminState, 4> kWords<AdminState>{{{AdminState::kUp, "up"},
                                                              {AdminState::kQuiesce, "quiesce"},
                                                              {AdminState::kDrain, "drain"},
                                                              {AdminState::kDown, "down"}}};
template <>
inline constexpr WordTable<Family, 2> kWords<Family>{
    {{Family::kIpv4, "ipv4"}, {Family::kIpv6, "ipv6"}}};
template <>
inline constexpr WordTable<LogLevel, 4> kWords<LogLevel>{{{LogLevel::kDebug, "debug"},
                                                          {LogLevel::kInfo, "info"},
                                                          {LogLevel::kWarning, "warning"},
                                                          {LogLevel::kError, "error"}}};

template <typename E>
constexpr std::string_view ToWord(E value) {
  for (const auto& [known, word] : kWords<E>)
    if (known == value) return word;
  return "?";
}

template <typename E>
constexpr std::optional<E> FromWord(std::string_view text) {
  for (const auto& [value, word] : kWords<E>)
    if (word == text) return value;
  return std::nullopt;
}

template <typename E>
std::string WordList(size_t count = kWords<E>.size()) {
  std::string list;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) list += i + 1 == count ? " or " : ", ";
    list += kWords<E>[i].second;
  }
  return list;
}

// "tcp or udp": what a service may have.
inline std::string TransportList() { return WordList<Protocol>(kTransports.size()); }

}  // namespace fairlead::control
