// fairlead ipvsadm …, and the program under the names ipvsadm, ipvsadm-save and ipvsadm-restore
#include <iostream>

#include "cli/commands.h"
#include "cli/ipvsadm/run.h"

namespace fairlead::cli {

int RunIpvsadm(const Arguments& arguments) {
  ApiClient client(arguments.api);
  ipvsadm::SystemResolver names;
  const auto run = [&](const std::vector<std::string>& words) {
    return ipvsadm::RunIpvsadm(words, std::cin, std::cout, std::cerr, client, names);
  };
  if (arguments.ipvsadm_clears_first) {
    if (const int exit_code = run({"--clear"}); exit_code != 0) return exit_code;
  }
  return run(arguments.ipvsadm);
}

}  // namespace fairlead::cli
