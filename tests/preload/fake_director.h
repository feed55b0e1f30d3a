// A director that answers on a socket for ipvs as a test tells it.
//
//   FakeDirector director(path);
//   director.dump_messages = 5000;
//   … run a program with the library …
//   EXPECT_EQ(director.changes(), 1);
//
// Commands of the family: 1 is acknowledged, 2 is refused with EEXIST, 3 is answered with one
// message; as a dump any of them is dump_messages messages of 100 bytes. Threads: the test's and
// its own; what tests set is set before a program runs.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/file_descriptor.h"

namespace fairlead::preload {

class FakeDirector {
 public:
  explicit FakeDirector(std::string path);
  ~FakeDirector();
  FakeDirector(const FakeDirector&) = delete;
  FakeDirector& operator=(const FakeDirector&) = delete;

  void Stop();   // every connection ends
  void Start();  // listens again

  std::atomic<size_t> dump_messages{3};
  std::atomic<size_t> record_bytes{32 * 1024};
  std::atomic<bool> ends_after_reading{false};  // hangs up with the next request in its hands
  std::atomic<size_t> dump_ends_after{0};       // hangs up after so many records; 0: never
  std::map<std::string, std::string> files;
  int write_error = 0;

  [[nodiscard]] int changes() const { return changes_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] size_t records_sent() const { return records_; }
  [[nodiscard]] std::vector<std::string> written();  // "PATH=TEXT"

 private:
  void Serve();
  void Talk(int fd);
  bool Answer(int fd, const std::string& request);
  bool AnswerFile(int fd, const std::string& request);
  bool SendRecord(int fd, const std::string& record);
  bool SendMany(int fd, const std::vector<std::string>& messages);

  const std::string path_;
  FileDescriptor listener_, wake_;
  std::thread thread_;
  std::vector<std::thread> talkers_;
  std::vector<int> peers_;
  std::mutex mutex_;
  std::vector<std::string> written_;
  std::atomic<int> changes_{0}, connections_{0};
  std::atomic<size_t> records_{0};
};

}  // namespace fairlead::preload
