// A director that answers what it was told to and remembers what it was asked.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/director_api.h"

namespace fairlead::cli::ipvsadm {

class FakeApi : public DirectorApi {
 public:
  Result<Reply> Send(std::string_view method, const std::string& target,
                     const std::string& body) override {
    std::string request = std::string(method) + " " + target;
    asked.push_back(request + (body.empty() ? "" : " " + body));
    if (is_gone) return Error{ErrorCode::kUnavailable, "nobody is there", ""};
    const auto it = answers.find(request);
    return it == answers.end() ? otherwise : it->second;
  }

  std::map<std::string, Reply> answers;  // by "METHOD target"
  Reply otherwise{200, R"({"generation": 1})"};
  std::vector<std::string> asked;
  bool is_gone = false;
};

}  // namespace fairlead::cli::ipvsadm
