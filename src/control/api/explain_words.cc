#include "control/api/explain_words.h"

namespace fairlead::api {

using dataplane::Eligibility;
using dataplane::ExplainStep;
using dataplane::ExplainVerdict;
using dataplane::FoundBy;
using dataplane::LaterBy;
using dataplane::NeighbourState;
using dataplane::TemplateFault;
namespace step = dataplane::step;

namespace {

// One overload a step, and none for all others: a step without a word does not compile.
struct Words {
  std::string_view operator()(const step::ExistingConnection&) const {
    return "existing_connection";
  }
  std::string_view operator()(const step::BadSource&) const { return "bad_source"; }
  std::string_view operator()(const step::ClassifierRule&) const { return "classifier_rule"; }
  std::string_view operator()(const step::ClassifierDrop&) const { return "classifier_drop"; }
  std::string_view operator()(const step::NoClassifierRule&) const { return "no_classifier_rule"; }
  std::string_view operator()(const step::ServiceFound&) const { return "service"; }
  std::string_view operator()(const step::NoService&) const { return "no_service"; }
  std::string_view operator()(const step::SourceNat&) const { return "source_nat"; }
  std::string_view operator()(const step::SourceNatExhausted&) const {
    return "source_nat_exhausted";
  }
  std::string_view operator()(const step::UnknownConnection&) const { return "unknown_connection"; }
  std::string_view operator()(const step::DropPacket&) const { return "drop_packet"; }
  std::string_view operator()(const step::WrongPort&) const { return "wrong_port"; }
  std::string_view operator()(const step::NoCallId&) const { return "no_call_id"; }
  std::string_view operator()(const step::ClientGroup&) const { return "client_group"; }
  std::string_view operator()(const step::ClientNetmask&) const { return "netmask"; }
  std::string_view operator()(const step::Spread&) const { return "spread"; }
  std::string_view operator()(const step::Engine&) const { return "engine"; }
  std::string_view operator()(const step::ServiceGroup&) const { return "persistence_group"; }
  std::string_view operator()(const step::TemplateHit&) const { return "template"; }
  std::string_view operator()(const step::TemplateMiss&) const { return "no_template"; }
  std::string_view operator()(const step::TemplateInvalid&) const { return "template_invalid"; }
  std::string_view operator()(const step::Sibling&) const { return "sibling"; }
  std::string_view operator()(const step::NoSibling&) const { return "no_sibling"; }
  std::string_view operator()(const step::Pinned&) const { return "pinned"; }
  std::string_view operator()(const step::Rekeyed&) const { return "rekeyed"; }
  std::string_view operator()(const step::Candidate&) const { return "real"; }
  std::string_view operator()(const step::HashedNetwork&) const { return "hashed_network"; }
  std::string_view operator()(const step::Scheduled&) const { return "scheduled"; }
  std::string_view operator()(const step::NobodyEligible&) const { return "nobody_eligible"; }
  std::string_view operator()(const step::NextHop&) const { return "next_hop"; }
  std::string_view operator()(const step::NoRoute&) const { return "no_route"; }
  std::string_view operator()(const step::AnswersLeave&) const { return "answers_leave"; }
  std::string_view operator()(const step::NoWayBack&) const { return "no_way_back"; }
  std::string_view operator()(const step::LinkLocalClient&) const { return "link_local_client"; }
  std::string_view operator()(const step::Translated&) const { return "translated"; }
};

}  // namespace

std::string_view WordOf(const ExplainStep& step) { return std::visit(Words{}, step); }

std::string_view WordOf(FoundBy found_by) {
  switch (found_by) {
    case FoundBy::kMark:
      return "mark";
    case FoundBy::kAddressAndPort:
      return "address_and_port";
    case FoundBy::kFtpData:
      return "ftp_data";
    case FoundBy::kAnyPort:
      return "any_port";
  }
  return "unknown";
}

PolicyWords PolicyOf(LaterBy decided_by) {
  switch (decided_by) {
    case LaterBy::kUnknownReset:
      return {"unknown_connections", "reset"};
    case LaterBy::kUnknownDrop:
      return {"unknown_connections", "drop"};
    case LaterBy::kUnknownSchedule:
      return {"unknown_connections", "schedule"};
    case LaterBy::kSloppyTcp:
      return {"sloppy_tcp", "true"};
    case LaterBy::kCacheBypass:
      return {"cache_bypass", "true"};
  }
  return {"unknown", "unknown"};
}

std::string_view WordOf(ExplainVerdict verdict) {
  switch (verdict) {
    case ExplainVerdict::kForward:
      return "forward";
    case ExplainVerdict::kRefused:
      return "refused";
    case ExplainVerdict::kDropped:
      return "dropped";
    case ExplainVerdict::kNotOurs:
      return "not_ours";
  }
  return "unknown";
}

std::string_view WordOf(Eligibility e) {
  switch (e) {
    case Eligibility::kEligible:
      return "eligible";
    case Eligibility::kWeightZero:
      return "weight_zero";
    case Eligibility::kOverloaded:
      return "overloaded";
    case Eligibility::kUnavailable:
      return "unavailable";
  }
  return "unknown";
}

std::string_view WordOf(TemplateFault fault) {
  switch (fault) {
    case TemplateFault::kNoReal:
      return "no_real";
    case TemplateFault::kRealRemoved:
      return "real_removed";
    case TemplateFault::kRealQuiescent:
      return "real_quiescent";
    case TemplateFault::kExpired:
      return "expired";
  }
  return "unknown";
}

std::string_view SentenceOf(TemplateFault fault) {
  switch (fault) {
    case TemplateFault::kNoReal:
      return "it names no real any more";
    case TemplateFault::kRealRemoved:
      return "its real is removed or down";
    case TemplateFault::kRealQuiescent:
      return "that real takes no new connections";
    case TemplateFault::kExpired:
      return "it has run out";
  }
  return "it does not hold";
}

std::string_view WordOf(NeighbourState state) {
  switch (state) {
    case NeighbourState::kUnknown:
      return "unknown";
    case NeighbourState::kIncomplete:
      return "incomplete";
    case NeighbourState::kReachable:
      return "reachable";
    case NeighbourState::kFailed:
      return "failed";
  }
  return "unknown";
}

}  // namespace fairlead::api
