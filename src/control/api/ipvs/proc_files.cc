#include "control/api/ipvs/proc_files.h"

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "control/api/ipvs/edits.h"
#include "control/api/ipvs/proc_lines.h"
#include "control/api/ipvs/proc_texts.h"
#include "control/api/ipvs/return_path.h"
#include "control/api/ipvs/settings.h"
#include "control/api/worker_client.h"
#include "control/control_api.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::ipvs {

namespace {

using dataplane::TrafficSum;

constexpr std::string_view kProcNetFolder = "/proc/net/";
constexpr std::string_view kSettingsFolder = "/proc/sys/net/ipv4/vs/";
constexpr std::string_view kProcNetNames[] = {
    "ip_vs", "ip_vs_app", "ip_vs_conn", "ip_vs_conn_sync", "ip_vs_stats", "ip_vs_stats_percpu"};

bool IsProcNet(std::string_view path) {
  if (!path.starts_with(kProcNetFolder)) return false;
  path.remove_prefix(kProcNetFolder.size());
  for (const std::string_view name : kProcNetNames) {
    if (name == path) return true;
  }
  return false;
}

const Setting* SettingAt(std::string_view path) {
  return path.starts_with(kSettingsFolder) ? FindSetting(path.substr(kSettingsFolder.size()))
                                           : nullptr;
}

TrafficSum WorkerTraffic(dataplane::Fabric& fabric, size_t worker, size_t reals) {
  TrafficSum sum;
  const dataplane::TrafficCounters* row =
      fabric.stats.traffic(WorkerId{static_cast<uint8_t>(worker)});
  for (size_t i = 0; i < reals; ++i) {
    sum += {row[i].connections.value(), row[i].in_packets.value(), row[i].out_packets.value(),
            row[i].in_bytes.value(), row[i].out_bytes.value()};
  }
  return sum;
}

}  // namespace

ProcFiles::ProcFiles(std::shared_ptr<boost::asio::io_context> io, control::ControlApi& control,
                     api::WorkerClient& workers)
    : io_(std::move(io)), control_(control), workers_(workers) {}

std::unique_ptr<FileText> ProcFiles::Open(const std::string& path) {
  if (const Setting* setting = SettingAt(path)) {
    return MakeText(setting->Text(control_.view()->model->policy));
  }
  if (!IsProcNet(path)) return nullptr;
  const std::string_view name = std::string_view(path).substr(kProcNetFolder.size());
  if (name == "ip_vs") return MakeServicesText(control_.fabric(), control_.view());
  if (name == "ip_vs_conn") {
    return MakeConnectionsText(workers_, control_.view(), ConnectionStyle::kPlain);
  }
  if (name == "ip_vs_conn_sync") {
    return MakeConnectionsText(workers_, control_.view(), ConnectionStyle::kOrigin);
  }
  if (name == "ip_vs_app") return MakeText(std::string(kAppsText));
  return MakeText(Stats(name == "ip_vs_stats_percpu"));
}

std::string ProcFiles::Stats(bool by_worker) const {
  const auto view = control_.view();
  dataplane::Fabric& fabric = control_.fabric();
  std::vector<TrafficSum> workers;
  TrafficSum total;
  for (size_t i = 0; i < fabric.stats.worker_count(); ++i) {
    workers.push_back(WorkerTraffic(fabric, i, view->real_ids));
    total += workers.back();
  }
  total -= view->total_zero;
  return by_worker ? WorkerStatsText(workers, total, view->total_rate)
                   : StatsText(total, view->total_rate);
}

void ProcFiles::Write(const std::string& path, const std::string& bytes, const std::string& author,
                      std::function<void(const Fault&)> done) {
  const Setting* setting = SettingAt(path);
  if (setting == nullptr) {
    return done(IsProcNet(path) ? Fault{EACCES, "The file is only read"}
                                : Fault{ENOENT, "There is no such file"});
  }
  SettingChange change = setting->Parse(bytes);
  if (change.fault || change.patch.empty()) return done(change.fault);
  const auto path_back = std::make_shared<ReturnPath>(io_, std::move(done));
  control::Edit edit = control::PatchPolicy{change.patch};
  edit.author = author;
  control_.Change(std::move(edit), [path_back](const control::EditOutcome& outcome) {
    path_back->Give(FaultOf(outcome, ENOENT));
  });
}

}  // namespace fairlead::ipvs
