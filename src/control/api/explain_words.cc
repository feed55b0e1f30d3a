#include "control/api/explain_words.h"

namespace fairlead::api {

using dataplane::Eligibility;
using dataplane::ExplainKind;
using dataplane::ExplainVerdict;
using dataplane::NeighbourState;
using dataplane::TemplateFault;

std::string_view WordOf(ExplainKind kind) {
  switch (kind) {
    case ExplainKind::kExistingConnection:
      return "existing_connection";
    case ExplainKind::kClassifierRule:
      return "classifier_rule";
    case ExplainKind::kClassifierDrop:
      return "classifier_drop";
    case ExplainKind::kNoClassifierRule:
      return "no_classifier_rule";
    case ExplainKind::kService:
      return "service";
    case ExplainKind::kNoService:
      return "no_service";
    case ExplainKind::kWrongPort:
      return "wrong_port";
    case ExplainKind::kTemplateHit:
      return "template";
    case ExplainKind::kTemplateMiss:
      return "no_template";
    case ExplainKind::kTemplateInvalid:
      return "template_invalid";
    case ExplainKind::kEligible:
      return "real";
    case ExplainKind::kScheduled:
      return "scheduled";
    case ExplainKind::kNobodyEligible:
      return "nobody_eligible";
    case ExplainKind::kNextHop:
      return "next_hop";
    case ExplainKind::kNoRoute:
      return "no_route";
    case ExplainKind::kClientGroup:
      return "client_group";
    case ExplainKind::kClientNetmask:
      return "netmask";
    case ExplainKind::kSpread:
      return "spread";
    case ExplainKind::kEngine:
      return "engine";
    case ExplainKind::kServiceGroup:
      return "persistence_group";
    case ExplainKind::kSibling:
      return "sibling";
    case ExplainKind::kNoSibling:
      return "no_sibling";
    case ExplainKind::kPinned:
      return "pinned";
    case ExplainKind::kRekeyed:
      return "rekeyed";
    case ExplainKind::kBadSource:
      return "bad_source";
    case ExplainKind::kLinkLocalClient:
      return "link_local_client";
    case ExplainKind::kHashedNetwork:
      return "hashed_network";
  }
  return "unknown";
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
