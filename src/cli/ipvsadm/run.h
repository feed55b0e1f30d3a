// `fairlead ipvsadm …`: IPVS's command, spoken to a running director.
//
//   SystemResolver names;
//   Outcome done = RunIpvsadm({"-A", "-t", "192.0.2.10:80", "-s", "rr"}, std::cin, client, names);
//   std::fputs(done.out.c_str(), stdout);
//   return done.exit_code;
//
// `arguments` are those after the program's name. `input` is read by --restore only. Exit codes
// are those of ipvsadm (ipvs.md, ipvsadm exit codes): 0; 1 a listing failed; 2 the command line is
// wrong or there is no director; 255 an option nobody knows, or the director refused the change.
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <vector>

#include "cli/director_api.h"
#include "cli/ipvsadm/resolver.h"

namespace fairlead::cli::ipvsadm {

struct Outcome {
  std::string out;  // standard output
  std::string err;  // standard error
  int exit_code = 0;
};

Outcome RunIpvsadm(const std::vector<std::string>& arguments, std::istream& input, DirectorApi& api,
                   Resolver& names);

// The same, written as it comes: a table of a million connections is not kept in memory.
int RunIpvsadm(const std::vector<std::string>& arguments, std::istream& input, std::ostream& out,
               std::ostream& err, DirectorApi& api, Resolver& names);

}  // namespace fairlead::cli::ipvsadm
