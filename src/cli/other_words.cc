#include "cli/other_words.h"

namespace fairlead::cli {

namespace {

struct OtherWord {
  std::string_view name, word, meant;
};

constexpr OtherWord kOtherWords[] = {
    {"fairlead", "help", "fairlead --help, or fairlead VERB --help"},
    {"fairlead", "version", "fairlead --version"},
    {"fairlead", "dropped", "fairlead drops, or fairlead status, which counts them by reason"},
    {"fairlead", "stats", "fairlead top services, or fairlead metrics for all counters"},
    {"fairlead", "top-clients", "fairlead top clients"},
    {"fairlead", "ls", "fairlead service list"},
    {"fairlead", "list", "fairlead service list"},
    {"fairlead", "show", "fairlead service show SERVICE, or fairlead config show"},
    {"fairlead", "undo",
     "fairlead diff for what was changed by hand, and fairlead reload to take it back"},
    {"fairlead", "rollback",
     "fairlead diff for what was changed by hand, and fairlead reload to take it back"},
    {"fairlead", "save", "fairlead config save"},
    {"fairlead", "validate", "fairlead check FILE"},
    {"fairlead", "test", "fairlead check FILE, and fairlead doctor for the machine"},
    {"fairlead", "start", "systemctl start fairleadd"},
    {"fairlead", "stop", "systemctl stop fairleadd"},
    {"fairlead", "restart", "systemctl restart fairleadd, or fairlead upgrade without a pause"},
    {"fairlead", "logs", "journalctl -u fairleadd"},
    {"fairlead config", "diff", "fairlead diff"},
    {"fairlead config", "check", "fairlead check FILE"},
    {"fairlead config", "validate", "fairlead check FILE"},
    {"fairlead config", "reload", "fairlead reload"},
    {"fairlead service", "ls", "fairlead service list"},
    {"fairlead service", "set", "fairlead service edit SERVICE"},
    {"fairlead service", "delete", "fairlead service remove SERVICE"},
    {"fairlead service", "rm", "fairlead service remove SERVICE"},
    {"fairlead real", "undrain", "fairlead real enable SERVICE REAL"},
    {"fairlead real", "up", "fairlead real enable SERVICE REAL"},
    {"fairlead real", "start", "fairlead real enable SERVICE REAL"},
    {"fairlead real", "resume", "fairlead real enable SERVICE REAL"},
    {"fairlead real", "down", "fairlead real disable SERVICE REAL"},
    {"fairlead real", "stop", "fairlead real drain SERVICE REAL, or disable"},
    {"fairlead real", "edit", "fairlead real set SERVICE REAL"},
    {"fairlead real", "weight", "fairlead real set SERVICE REAL --weight N"},
    {"fairlead real", "ls", "fairlead real list"},
    {"fairlead real", "delete", "fairlead real remove SERVICE REAL"},
    {"fairlead real", "rm", "fairlead real remove SERVICE REAL"},
    {"fairlead connection", "ls", "fairlead connection list"},
    {"fairlead connection", "kill", "fairlead connection flush"},
    {"fairlead connection", "delete", "fairlead connection flush"},
    {"fairlead template", "ls", "fairlead template list"},
    {"fairlead template", "delete", "fairlead template flush"},
};

}  // namespace

std::string_view WhatIsMeant(std::string_view name, std::string_view word) {
  for (const OtherWord& other : kOtherWords) {
    if (other.name == name && other.word == word) return other.meant;
  }
  return {};
}

}  // namespace fairlead::cli
