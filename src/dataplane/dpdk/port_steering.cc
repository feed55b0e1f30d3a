#include "dataplane/dpdk/port_steering.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <deque>
#include <string>
#include <utility>

namespace fairlead::edge {
namespace {

bool HasVlans(const SteeringWish& wish) {
  return std::any_of(wish.sides.begin(), wish.sides.end(),
                     [](const VlanSide& side) { return side.vlan != 0; });
}

// Of all its ports; kBoth when they differ.
ClientSide ClientsOf(const SteeringWish& wish) {
  const ClientSide first = wish.sides.front().clients;
  const bool is_one = std::all_of(wish.sides.begin(), wish.sides.end(),
                                  [first](const VlanSide& s) { return s.clients == first; });
  return is_one ? first : ClientSide::kBoth;
}

// Rules can name a side for each VLAN, but none where a port has clients on either.
bool MayUseRules(const SteeringWish& wish) {
  return wish.workers > 1 && wish.rx_queues >= wish.workers &&
         std::none_of(wish.sides.begin(), wish.sides.end(),
                      [](const VlanSide& side) { return side.clients == ClientSide::kBoth; });
}

// From the best to the least.
std::vector<RssPlan> PlansFor(const RssCapabilities& can, const SteeringWish& wish) {
  std::vector<RssPlan> plans{PlanRss(can, ClientsOf(wish), wish.rx_queues, wish.workers, wish.key)};
  RssPlan& best = plans.front();
  std::string why = best.why_not;
  if (best.steering == PortSteering::kHardware) {
    why = "the driver refused to hash one side with this key";
  } else if (MayUseRules(wish) && ClientsOf(wish) == ClientSide::kBoth) {
    why = "the device's VLANs have different roles";
  }
  if (MayUseRules(wish)) {
    RssPlan under_rules = RssUnderRules(can, why, wish.workers, wish.key);
    if (best.steering == PortSteering::kHardware) {
      plans.push_back(std::move(under_rules));
    } else {
      best = std::move(under_rules);
    }
  }
  if (!plans.back().key.empty()) plans.push_back(PlainRss(can, why));
  return plans;
}

// What keeps the device from hashing with our key into our table; empty: it does.
std::string FaultOfHash(SteeringNic& nic, const RssPlan& plan) {
  if (plan.key.empty() || plan.queues.empty()) return "the driver has a key and a table of its own";
  if (nic.SetTable(plan.queues) != 0) return "the driver refused the redirection table";
  // Some drivers take what they cannot do and leave it out.
  std::vector<uint8_t> key(plan.key.size());
  uint64_t flow_types = 0;
  const bool is_told = nic.ReadHash(&flow_types, key);
  if (is_told && ((flow_types & plan.flow_types) != plan.flow_types || key != plan.key)) {
    return "the driver uses another hash than the one requested";
  }
  return {};
}

class RuleSet {
 public:
  RuleSet(SteeringNic& nic, const SteeringWish& wish) : nic_(nic), wish_(wish) {}

  // All rules of this shape, or none of them; then `why` says what was refused.
  bool Make(RuleShape shape, std::string* why) {
    std::deque<SteeringRule> rules;
    for (const VlanSide& side : wish_.sides) {
      for (const RuledFlow flow : kRuledFlows) {
        const RuledPackets packets{flow, side, HasVlans(wish_)};
        rules.emplace_back(packets, shape, KeyFor(nic_.capabilities(), wish_.key), wish_.workers);
        std::string reason;
        if (const int error = nic_.Validate(rules.back(), &reason); error != 0) {
          *why = error == -ENOSYS ? "takes no flow rules" : Refused(packets, reason);
          return false;
        }
      }
    }
    return CreateAll(rules, why);
  }
  void DestroyAll() {
    for (rte_flow* const rule : made_) nic_.Destroy(rule);
    made_.clear();
  }

 private:
  static std::string Refused(const RuledPackets& packets, const std::string& reason) {
    const std::string vlan =
        packets.side.vlan == 0 ? "" : " of VLAN " + std::to_string(packets.side.vlan);
    return "refused a flow rule for " + NameOf(packets.flow) + vlan + " (" + reason + ")";
  }
  bool CreateAll(const std::deque<SteeringRule>& rules, std::string* why) {
    for (const SteeringRule& rule : rules) {
      std::string reason;
      rte_flow* const made = nic_.Create(rule, &reason);
      if (made == nullptr) {
        *why = "did not make a flow rule that it had found good (" + reason + ")";
        DestroyAll();
        return false;
      }
      made_.push_back(made);
    }
    return true;
  }

  SteeringNic& nic_;
  const SteeringWish& wish_;
  std::vector<rte_flow*> made_;
};

// Of all shapes, the reason of the first one that was refused is told: it asks for the least.
bool UseRules(SteeringNic& nic, const SteeringWish& wish, const RssPlan& plan, std::string* why) {
  for (const RuleShape shape : kRuleShapes) {
    if (shape == RuleShape::kQueues && !std::has_single_bit(wish.workers)) continue;
    if (shape == RuleShape::kDeviceTable && !FaultOfHash(nic, plan).empty()) continue;
    RuleSet rules(nic, wish);
    std::string reason;
    if (rules.Make(shape, &reason)) {
      // A rule without a key may have brought the driver's own.
      if (shape != RuleShape::kDeviceTable || FaultOfHash(nic, plan).empty()) return true;
      rules.DestroyAll();
      reason = "changed its key for a flow rule";
    }
    if (why->empty()) *why = reason;
  }
  return false;
}

}  // namespace

int ConfigureSteering(SteeringNic& nic, const SteeringWish& wish, RssPlan* plan) {
  int error = 0;
  for (RssPlan& each : PlansFor(nic.capabilities(), wish)) {
    error = nic.Configure(each);
    *plan = std::move(each);
    if (error == 0) break;
  }
  return error;
}

void FinishSteering(SteeringNic& nic, const SteeringWish& wish, RssPlan* plan) {
  if (plan->steering == PortSteering::kHardware) {
    std::string fault = FaultOfHash(nic, *plan);
    if (fault.empty()) return;
    *plan = PlainRss(nic.capabilities(), std::move(fault));
  }
  if (!MayUseRules(wish)) return;
  std::string why;
  if (UseRules(nic, wish, *plan, &why)) {
    plan->steering = PortSteering::kRules;
    plan->why_not.clear();
  } else {
    plan->why_not += ", and the driver " + why;
  }
}

}  // namespace fairlead::edge
