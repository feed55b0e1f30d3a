// fairlead ipvsadm …, and the program under the names ipvsadm, ipvsadm-save and ipvsadm-restore
#include <iostream>
#include <iterator>
#include <sstream>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/ipvsadm/run.h"

namespace fairlead::cli {

int RunIpvsadm(const Arguments& arguments) {
  ApiClient client(arguments.api, arguments.credentials);
  ipvsadm::SystemResolver names;
  const auto run = [&](std::vector<std::string> words, std::istream& input) {
    for (std::string& word : words) word = ToUtf8(std::move(word));  // as JSON, it must be

    return ipvsadm::RunIpvsadm(words, input, std::cout, std::cerr, client, names);
  };
  if (!arguments.ipvsadm_clears_first) return run(arguments.foreign, std::cin);
  std::istringstream nothing;  // a wrong option must not clear the table
  if (const int exit_code = run(arguments.foreign, nothing); exit_code != 0) return exit_code;
  // All of the input first: in `ipvsadm-save | ipvsadm-restore` it is the table to be cleared.
  std::istringstream input(std::string(std::istreambuf_iterator<char>(std::cin), {}));
  if (const int exit_code = run({"--clear"}, input); exit_code != 0) return exit_code;
  return run(arguments.foreign, input);
}

}  // namespace fairlead::cli
