// Loads a configuration again and again at the cost of what has changed.
//
//   ConfigLoader loader;
//   LoadResult loaded = loader.Load("/etc/fairlead/fairlead.yaml");   // reads all of it
//   …a weight is edited…
//   loaded = loader.Load("/etc/fairlead/fairlead.yaml");              // parses that one service
//
// Theory of operation. Nearly all of a large file are its services, and a service is read from its
// own lines and from `defaults` and `policy`. So the text is cut at the services
// (service_pieces.h); a piece with the bytes of one that was read before is that service (the same
// object, so what comes after sees by its address that nothing has changed), another is parsed by
// itself; and so is what stands around the services, unless it too is as before. The file as a
// whole is then held against the rules that connect services. None of this may decide anything:
// whatever is not plainly right (a problem of any kind, a layout that cannot be cut, other
// defaults, too large) is read as a whole by ReadWholeFile, as the first time. So errors are always
// those of LoadConfig, and models and warnings are equal to its
// (tests/control/config/config_loader_test.cc; tests/fuzz). Threads: one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/config/prefix_files.h"
#include "control/config/service_pieces.h"
#include "control/config/yaml_loader.h"

namespace fairlead::control {

class ConfigLoader {
 public:
  // As LoadConfig and LoadConfigText.
  LoadResult Load(const std::string& path);
  LoadResult LoadText(std::string text, const std::string& file);

  // Services that the last load had to parse, for themselves or for the place of a warning.
  [[nodiscard]] size_t parsed_services() const { return parsed_services_; }

 private:
  // A file that was free of errors.
  struct Loaded {
    std::string file;
    std::string text;
    ServicePieces pieces;
    ConfigModel model;
    std::vector<size_t> nodes;  // of each service
    size_t other_nodes = 0;
    bool says_side_records = false;
    // Of what stands around the services; those behind them as if these began at `after_line`.
    std::shared_ptr<const Problems> places;
    uint32_t after_line = 1;
  };

  // Each returns false, or nothing, when the file is to be read as a whole.
  std::optional<LoadResult> LoadChanges(Loaded& next);  // which is moved from on success
  bool ReadSurroundings(Loaded* next);
  bool ReadServices(Loaded* next);
  bool ReadPiece(size_t place, Loaded* next);
  // For each piece of `next` the place of the equal one in `last_`, or kNone.
  [[nodiscard]] std::vector<size_t> MatchPieces(const Loaded& next) const;
  // Where the keys of one service stand.
  struct ServicePlaces {
    size_t place = ~size_t{0};
    std::unique_ptr<const Problems> places{};
  };
  [[nodiscard]] std::optional<std::string> Where(const Loaded& loaded, const std::string& path,
                                                 ServicePlaces* last);
  [[nodiscard]] std::unique_ptr<const Problems> PlacesOf(const Loaded& loaded, size_t place);
  // Replaces objects by the equal ones of the previous load.
  void ShareServices(ConfigModel* model) const;
  void Remember(const WholeFile& whole, std::string text, const std::string& file);

  std::optional<Loaded> last_;          // none: it cannot be cut
  SharedList<ServiceConfig> services_;  // of the last file without errors
  PrefixFiles prefix_files_;
  size_t parsed_services_ = 0;
};

}  // namespace fairlead::control
