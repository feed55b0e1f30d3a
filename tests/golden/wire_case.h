// What the replays of packets (format 3) have in common: a case is played step by step on a
// director of its own, what is compared is counted, and what differs is told with its place.
//
//   class FragmentCase : public WireCase {
//     void Do(const json::object& step) override {
//       if (op() == "packet") return Compare(ExpectedIn(step), …);
//       WireCase::Do(step);               // ipvsadm, and what needs nothing; else a failure
//     }
//   };
//   PlayCases(document, path, options, &report, [&](const json::object& recorded, std::string at) {
//     FragmentCase(recorded, …, std::move(at), &report).Play();
//   });
//
// Threads: one.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <string>
#include <vector>

#include "wire_lab.h"
#include "wire_replay.h"

namespace fairlead::golden::wire {

// The text under the key; empty: there is none.
std::string TextOf(const boost::json::object& keys, const char* key);
std::vector<std::string> LinesOf(const std::string& text);

class WireCase {
 public:
  WireCase(const boost::json::object& recorded, const GoldenSpec& spec, std::string place,
           WireReport* report);
  virtual ~WireCase() = default;

  void Play();

 protected:
  // One step, the clock being at its time.
  virtual void Do(const boost::json::object& step);
  // After the last step.
  virtual void Conclude();

  // One observation; `sentence` is told when it is not as recorded.
  void Expect(bool is_equal, const std::string& sentence);
  // A difference that is on purpose; the sentence says why.
  void Use(const char* exception) { ++report_.exceptions[exception]; }
  // Puts the step's packets in, after what has come out until now is thrown away (announcements,
  // questions). The last of them.
  std::vector<uint8_t> PutIn(const boost::json::object& step);
  static std::vector<WirePacket> ExpectedIn(const boost::json::object& step);
  // The command's exit code and what it shows.
  void DoIpvsadm(const boost::json::object& step);

  // A row of the table, for the entry of a step.
  struct Row {
    std::vector<TableRow>* rows;
    std::vector<TableRow>::iterator at;
    [[nodiscard]] bool is_found() const { return at != rows->end(); }
  };
  static Row FindRow(std::vector<TableRow>* rows, const boost::json::object& entry,
                     bool is_any_real);
  // The row is there and lasts as long; it is taken out.
  void ExpectRow(const Row& row, const boost::json::object& entry);
  // The table is these entries, and no more.
  void CompareTable(const boost::json::object& step);

  [[nodiscard]] const std::string& op() const { return op_; }
  WireLab& lab() { return lab_; }
  // What a failure calls the step, beside its number.
  std::string note_;

 private:
  const boost::json::object& case_;
  const std::string place_;
  WireReport& report_;
  WireLab lab_;
  size_t number_ = 0;
  std::string op_;
};

// Hands on each case whose title contains options.only, with its place in the file.
void PlayCases(const boost::json::object& document, const std::string& path,
               const WireReplayOptions& options,
               const std::function<void(const boost::json::object&, std::string)>& play);

}  // namespace fairlead::golden::wire
