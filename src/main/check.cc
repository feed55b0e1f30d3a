#include "main/check.h"

#include <iostream>
#include <utility>

#include "base/log.h"
#include "control/config/check_config.h"
#include "control/fleet/etcd_place.h"
#include "control/fleet/fleet.h"

namespace fairlead {
namespace {

control::LoadResult Refused(const Error& error) {
  return {.model = {}, .errors = {error}, .warnings = {}};
}

// What the store has for the director of that name, as this machine's own file lets it be.
control::LoadResult CheckFleet(const Options& options) {
  SetLogLevel(LogLevel::kError);  // why the store does not answer is in the result
  const bool is_named = !options.local_file.empty();
  auto local =
      control::ReadLocalFile(is_named ? options.local_file : control::kDefaultLocalFile, is_named);
  if (!local) return Refused(local.error());
  auto fleet = control::Fleet::Open(options.config_path, options.name, *std::move(local));
  if (!fleet) return Refused(fleet.error());
  return (*fleet)->Check();
}

control::LoadResult CheckPlace(const Options& options) {
  if (control::IsEtcdPlace(options.config_path)) return CheckFleet(options);
  if (options.name.empty() && options.local_file.empty()) {
    return control::CheckConfig(options.config_path);
  }
  return Refused({ErrorCode::kInvalid,
                  "--name and --fleet are for --check etcd://…; leave them out with a file",
                  options.config_path});
}

}  // namespace

int Check(const Options& options) {
  const control::LoadResult loaded = CheckPlace(options);
  for (const Error& error : loaded.errors) std::cerr << error.ToString() << '\n';
  if (!loaded) return 1;
  for (const Error& warning : loaded.warnings) {
    std::cerr << "warning: " << warning.ToString() << '\n';
  }
  std::cout << options.config_path << ": ok\n";
  return 0;
}

}  // namespace fairlead
