#include "main/start.h"

#include <utility>

#include "base/log.h"
#include "control/api/api_server.h"
#include "control/fleet/etcd_place.h"
#include "main/start_config.h"

namespace fairlead {

StartPlan PlanOf(const control::ConfigModel& model) {
  StartPlan plan;
  plan.edge = EdgeConfigOf(model);
  plan.fabric = FabricConfigOf(model, plan.edge.workers);
  plan.listeners = ApiListenersOf(model);
  plan.ipvs_socket = model.api.ipvs_socket.path;
  plan.ipvs_socket.group = model.api.ipvs_socket.group;
  plan.ipvs_socket.mode = model.api.ipvs_socket.mode;
  return plan;
}

bool Start::Begin() {
  if (options_.hand_over < 0) return true;
  predecessor_ =
      OrFail("cannot take over from the director before", Predecessor::Meet(options_.hand_over));
  return predecessor_.has_value();
}

std::optional<std::unique_ptr<control::Fleet>> Start::OpenFleet() {
  if (!control::IsEtcdPlace(options_.config_path)) {
    if (options_.name.empty()) return std::unique_ptr<control::Fleet>();
    Fail("not started",
         {ErrorCode::kInvalid, "--name is for -c etcd://…; a file says it by director.name", ""});
    return std::nullopt;
  }
  const bool is_named = !options_.local_file.empty();
  auto local = OrFail("not started",
                      control::ReadLocalFile(
                          is_named ? options_.local_file : control::kDefaultLocalFile, is_named));
  if (!local) return std::nullopt;
  return OrFail("not started",
                control::Fleet::Open(options_.config_path, options_.name, *std::move(local)));
}

std::optional<control::ConfigModel> Start::Load(control::ConfigLoader* loader,
                                                control::Fleet* fleet) {
  const std::string& path = options_.config_path;
  control::LoadResult loaded = fleet != nullptr ? fleet->LoadAtStart() : loader->Load(path);
  for (const Error& error : loaded.errors) {
    LogError("configuration problem", {{"what", error.ToString()}});
  }
  if (!loaded) {
    LogError(fleet != nullptr ? "not started: there is no configuration of the fleet to run with"
                              : "not started: correct the configuration; fairleadd --check FILE "
                                "checks it",
             {{"file", path}, {"problems", loaded.errors.size()}});
    std::string why = "the configuration has errors";
    for (const Error& error : loaded.errors) why += "; " + error.ToString();
    if (predecessor_) predecessor_->Refuse(why);
    return std::nullopt;
  }
  for (const Error& warning : loaded.warnings) {
    LogWarning("configuration warning", {{"what", warning.ToString()}});
  }
  return std::move(loaded.model);
}

std::optional<edge::Prepared> Start::Prepare(const StartPlan& plan) const {
  return OrFail("cannot start the ports",
                edge::Prepared::Make(plan.edge, plan.fabric.ring_packets));
}

bool Start::SettleListeners(StartPlan* plan) const {
  std::vector<Error> faults = CloseFaulty(&plan->listeners, &plan->ipvs_socket);
  if (faults.empty()) return true;
  std::string all;
  for (const Error& fault : faults) {
    all += (all.empty() ? "" : "; ") + fault.ToString();
    plan->api_faults.push_back(fault.ToString());
    if (!predecessor_) {
      LogError("a listener of the API stays closed: mend this and restart",
               {{"what", fault.ToString()}});
    }
  }
  if (predecessor_) {
    Fail("cannot start the API", {faults.front().code, all, ""});
    return false;
  }
  if (plan->listeners.empty()) {
    LogError("the API has no listener left; the director forwards, and hears signals alone");
  }
  return true;
}

std::optional<Foundation> Start::LayFoundation(const control::ConfigModel& model, StartPlan* plan) {
  if (!SettleListeners(plan)) return std::nullopt;
  if (predecessor_) return TakeOver(model, plan);
  auto kept = OrFail("cannot use the arena",
                     KeptMemory::Open(model, options_.is_fresh, &plan->fabric, &plan->edge));
  if (!kept) return std::nullopt;
  auto prepared = Prepare(*plan);
  if (!prepared) {
    kept->Withdraw();
    return std::nullopt;
  }
  return Foundation{*std::move(kept), *std::move(prepared), {}};
}

std::optional<Foundation> Start::TakeOver(const control::ConfigModel& model, StartPlan* plan) {
  plan->edge.takes_over_hugepages = predecessor_->has_packets_on_hugepages();
  if (Status s = KeptMemory::CheckTakeUp(model, plan->fabric); !s) {
    Fail("cannot take up what the director keeps", s.error());
    return std::nullopt;
  }
  auto prepared = Prepare(*plan);
  if (!prepared) return std::nullopt;
  auto estate = OrFail("cannot take over from the director before", predecessor_->TakeOver());
  if (!estate) return std::nullopt;
  auto kept = OrFail("cannot use the arena",
                     KeptMemory::Open(model, /*is_fresh=*/false, &plan->fabric, &plan->edge,
                                      std::exchange(estate->locks, {})));
  if (!kept) return std::nullopt;
  return Foundation{*std::move(kept), *std::move(prepared), *std::move(estate)};
}

int Start::Fail(const std::string& what, const Error& error) const {
  LogError(what, {{"reason", error.ToString()}});
  if (predecessor_) predecessor_->Refuse(what + ": " + error.ToString());
  return 1;
}

}  // namespace fairlead
