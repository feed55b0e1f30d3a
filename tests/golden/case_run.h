// One case of a recording: a new director, its network, and what each op means for them.
//
//   CaseRun run(recording, index, options, &rules, &report);
//   run.Play();
//
// Threads: one.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "network.h"
#include "replay.h"

namespace fairlead::golden {

class CaseRun {
 public:
  // `rules`: those of the cases before, newest first: they are the classifier's, not the
  // director's, and stay.
  CaseRun(const Recording& recording, size_t index, const ReplayOptions& options,
          std::vector<MarkRule>* rules, Report* report);
  void Play();

 private:
  using Keys = boost::json::object;
  struct Sample {  // the table at a moment
    double at;
    std::vector<TableRow> rows;
  };

  void Do(const Step& step);
  // Packets.
  void DoConnect(const Keys& keys, Network::Keep keep);
  void DoHeld(const std::string& op, const Keys& keys);
  void DoSequence(const Keys& keys);
  void DoUdp(const Keys& keys);
  void DoStateTable(const Keys& keys);
  // The operator.
  void DoIpvsadm(const Keys& keys);
  void DoMarkRule(const Keys& keys);
  // Comparisons.
  void CompareConnections(const Keys& keys);
  void CompareCounts(const Keys& keys);
  void CompareWatch(const Keys& keys);

  // One observation: equal, or a failure with its place.
  void Expect(bool is_equal, const std::string& sentence);
  void ExpectText(const char* what, const std::string& ours, const std::string& expected);
  void Use(Exception exception) { ++report_.exceptions[exception]; }
  std::string Connected(const Endpoint& client, const Endpoint& vip, Network::Keep keep,
                        const std::string& expected);
  // Takes out what an exception covers.
  void DropExcepted(std::vector<TableRow>* rows);
  std::string WithoutExcepted(const std::string& listing);
  void SendUnrecorded(const TableRow& expected);
  void NoteChanges(const control::ControlView& before);
  void Follow(const Endpoint& client, const Endpoint& vip, const std::string& event);
  [[nodiscard]] const TableRow* RowOf(const std::vector<TableRow>& rows, const Endpoint& client,
                                      const Endpoint& vip) const;
  void TakeSample();
  // Within `late` seconds before now.
  [[nodiscard]] bool WasSeen(const TableRow& row, double late) const;
  [[nodiscard]] bool WasAbsent(const TableRow& row, double late) const;
  [[nodiscard]] double LatenessOf(const TableRow& row) const;

  const Recording& recording_;
  const Case& case_;
  const size_t index_;
  Report& report_;
  std::vector<MarkRule>& rules_;
  size_t step_ = 0;
  GoldenDirector director_;
  Network network_;
  bool is_watched_ = false, has_raw_ = false;
  std::deque<Sample> samples_;
  std::map<std::string, int> fired_;  // timers that ran out and were set again, by TableRow::Name
  std::set<std::string> held_;        // clients with a connection that is open
  std::set<std::string> orphans_;     // of them: held when the last service was deleted
  std::set<std::string> edited_;      // reals that were edited from NAT: "rs1"
  std::set<std::string> timed_out_;   // clients of connections to those that failed there
};

}  // namespace fairlead::golden
