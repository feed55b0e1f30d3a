// The configuration of one director of a fleet, made of the fleet's two documents: what all
// directors have in common, and what is this one's own.
//
//   Documents documents{.common = {"etcd:/fairlead/common", text},
//                       .own = {"etcd:/fairlead/directors/edge-1", other}};
//   LoadResult loaded = LoadDocuments(documents, "edge-1", local);
//   // etcd:/fairlead/directors/edge-1:4:15: ports[0].device: …
//
// The rule. A map is merged key by key, and where both documents give a key, the director's own
// value wins; a key that it gives without a value (`mail: ~`) is taken away. A list is replaced
// whole, but for `ports`, `services`, `classifier` and `client_groups`: their items are found again
// by `name`, and merged; those with a new name, or none, come behind. docs/fleet.md has examples.
//
// The result is checked as a file is. Some keys are for the machine alone, since they decide who
// may run what: director.scripts, director.script_user, director.eal (local_file.h) and
// director.name. A port may be a device of a kind that touches no file, or one that the machine's
// file lists. Threads: pure, but for the files of prefix sets, which are read.
#pragma once

#include <cstdint>
#include <string>

#include "control/config/yaml_loader.h"
#include "control/fleet/local_file.h"

namespace fairlead::control {

struct Document {
  std::string place{};  // in errors: which key of which store
  std::string text{};
  uint64_t revision = 0;  // of the store, when it was written last; 0: it is not there
  [[nodiscard]] bool is_there() const { return revision != 0; }
  friend bool operator==(const Document&, const Document&) = default;
};

struct Documents {
  Document common{}, own{};
  // That of the younger one; 0: neither is there.
  [[nodiscard]] uint64_t revision() const {
    return common.revision > own.revision ? common.revision : own.revision;
  }
  friend bool operator==(const Documents&, const Documents&) = default;
};

// They make the same configuration, whatever their revisions are.
bool HaveSameTexts(const Documents& one, const Documents& other);

// Precondition: a document that is not there has no text.
LoadResult LoadDocuments(const Documents& documents, const std::string& name,
                         const LocalFile& local);

// `own` over `common`, as the rule says; for tests and for the above.
YamlNode MergeTrees(YamlNode common, YamlNode own);

}  // namespace fairlead::control
