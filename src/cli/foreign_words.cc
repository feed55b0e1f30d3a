#include "cli/foreign_words.h"

#include <algorithm>

namespace fairlead::cli {

int CountOwnWords(int argc, const char* const* argv) {
  bool is_exec = false;  // "ipvs-exec" was there: the next word that is no option is the program
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "ipvsadm" && !is_exec) return i + 1;
    if (word == "--" && is_exec) return i + 1;
    if (word == "--api" || word == "-o" || word == "--output" || word == "--socket") {
      ++i;  // its value
    } else if (!word.starts_with('-')) {
      if (is_exec) return i;
      if (word != "ipvs-exec") break;
      is_exec = true;
    }
  }
  return argc;
}

bool IsCalledIpvsadm(int argc, const char* const* argv, Arguments* into) {
  const std::string path = argc > 0 ? argv[0] : "";
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name != "ipvsadm" && name != "ipvsadm-save" && name != "ipvsadm-restore") return false;
  into->verb = Verb::kIpvsadm;
  if (name == "ipvsadm-save") into->foreign = {"--save"};
  if (name == "ipvsadm-restore") into->foreign = {"--restore"};
  into->ipvsadm_clears_first = name == "ipvsadm-restore";
  into->foreign.insert(into->foreign.end(), argv + 1, argv + argc);
  return true;
}

}  // namespace fairlead::cli
